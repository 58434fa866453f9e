package web

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"
)

// StaticOption configures [Static].
type StaticOption interface{ applyStatic(*static) }

type staticOption func(*static)

func (f staticOption) applyStatic(s *static) { f(s) }

// SPA answers paths that have no file and no extension with the index.html at the
// top of the files, so that a page may route them itself. With [Static] at "/" these
// are all that no other route takes.
func SPA() StaticOption { return staticOption(func(s *static) { s.spa = true }) }

// Static serves the files below a pattern, to GET and HEAD: "/" or "/assets". A folder
// is its index.html; folders are never listed. Files and folders whose names begin with
// a dot are not served. What is not there is answered with 404 as a route that is not.
// Conditional requests and ranges are those of [http.ServeContent].
//
//	//go:embed page
//	var files embed.FS
//
//	page, err := fs.Sub(files, "page")
//	…
//	web.Static(r, "/", page, web.SPA())
//
// Guards and the like are those of the router: web.Static(web.Use(r, …), …).
// ForRoute names the files "GET /assets/*".
func Static(r chi.Router, pattern string, files fs.FS, opts ...StaticOption) {
	s := &static{files: files}
	for _, o := range opts {
		if o != nil {
			o.applyStatic(s)
		}
	}
	own, ours := r.(*router)
	if ours && files == nil {
		own.problemf("Static(%q): the files are nil", pattern)
		return
	}
	prefix := strings.TrimSuffix(pattern, "/")
	register := []func(string, http.HandlerFunc){r.Get}
	if !ours { // where HEAD is not routed to GET
		register = append(register, r.Head)
	}
	for _, add := range register {
		add(prefix+"/*", Handle(s.serve))
		if prefix != "" {
			add(prefix, toFolder)
		}
	}
}

type static struct {
	files fs.FS
	spa   bool
}

// toFolder leads to the path with a slash, for which links in pages are written.
func toFolder(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Path: "./" + path.Base(r.URL.Path) + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", to.String()) // http.Redirect would make it absolute
	w.WriteHeader(http.StatusMovedPermanently)
}

func (s *static) serve(w http.ResponseWriter, r *http.Request) error {
	raw, err := pathValue(r, "*")
	if err != nil {
		return errNotFound(r)
	}
	name := strings.TrimSuffix(raw, "/")
	if name == "" {
		name = "."
	}
	if !servable(name) {
		return errNotFound(r)
	}
	f, info, err := s.open(name)
	switch {
	case err != nil:
	case !info.IsDir() && strings.HasSuffix(raw, "/"):
		_ = f.Close() // it was only looked at
		return errNotFound(r)
	case info.IsDir() && raw != "" && !strings.HasSuffix(raw, "/"):
		_ = f.Close() // it was only looked at
		if i, _, err := s.open(name + "/index.html"); err == nil {
			_ = i.Close() // it was only looked at
			toFolder(w, r)
			return nil
		}
		err = fs.ErrNotExist
	case info.IsDir():
		_ = f.Close() // it was only looked at
		f, info, err = s.open(path.Join(name, "index.html"))
	}
	if missing(err) && s.spa && path.Ext(name) == "" {
		f, info, err = s.open("index.html")
	}
	if err == nil && info.IsDir() {
		_ = f.Close() // it was only looked at
		err = fs.ErrNotExist
	}
	if missing(err) {
		return errNotFound(r)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	return send(w, r, f, info)
}

func (s *static) open(name string) (fs.File, fs.FileInfo, error) {
	f, err := s.files.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // the other error says more
		return nil, nil, err
	}
	return f, info, nil
}

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid)
}

// servable reports whether a name is one of fs, and hides nothing.
func servable(name string) bool {
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part != "." && strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

func send(w http.ResponseWriter, r *http.Request, f fs.File, info fs.FileInfo) error {
	content, ok := f.(io.ReadSeeker)
	if !ok { // such as a file of a zip archive
		b, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		content = bytes.NewReader(b)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, info.Name(), info.ModTime(), content)
	return nil
}
