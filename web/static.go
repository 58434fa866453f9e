package web

import (
	"bytes"
	"cmp"
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

// Static serves files below a pattern such as "/" or "/assets", for GET and HEAD. For a folder
// it serves index.html; it never lists folders. Files and folders whose names start with a dot
// are not served. A missing file is answered with 404, like a missing route. Conditional
// requests and ranges work as in [http.ServeContent]. Symbolic links are followed inside of the
// files only, and not to names that are not served.
//
//	//go:embed page
//	var files embed.FS
//
//	page, err := fs.Sub(files, "page")
//	…
//	web.Static(r, "/", page, web.SPA())
//
// To bind guards and the like, pass a router with options: web.Static(web.Use(r, …), …). The
// pattern for [ForRoute] is "GET /assets/*".
func Static(r chi.Router, pattern string, files fs.FS, opts ...StaticOption) {
	s := &static{files: files}
	for _, o := range opts {
		if o != nil {
			o.applyStatic(s)
		}
	}
	own, ours := r.(*router)
	prefix := strings.TrimSuffix(pattern, "/")
	if ours {
		if files == nil && !own.ctl.static { // Describe has a controller without the files of its constructor
			own.problemf("Static(%q): the files are nil", pattern)
			return
		}
		for _, p := range s.problems {
			own.problemf("Static(%q): %s", pattern, p)
		}
		own.ctl.addPage(own.rel+prefix, s)
	}
	register := []func(string, http.HandlerFunc){r.Get}
	if !ours { // chi does not route HEAD to GET
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
	files    fs.FS
	spa      bool
	except   [][]string // the segments of paths that spa does not apply to
	problems []string   // of the options
}

// toFolder redirects to the path with a slash, which relative links in pages need.
func toFolder(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Path: "./" + path.Base(r.URL.Path) + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", to.String()) // http.Redirect would send an absolute path
	w.WriteHeader(http.StatusMovedPermanently)
}

func (s *static) serve(w http.ResponseWriter, r *http.Request) error {
	raw, err := pathValue(r, "*")
	if err != nil {
		return errNotFound(r)
	}
	name := cmp.Or(strings.TrimSuffix(raw, "/"), ".")
	if !servable(name) {
		return errNotFound(r)
	}
	f, info, err := s.open(name)
	switch {
	case err != nil:
	case !info.IsDir() && strings.HasSuffix(raw, "/"):
		_ = f.Close() // opened for reading
		return errNotFound(r)
	case info.IsDir() && raw != "" && !strings.HasSuffix(raw, "/"):
		_ = f.Close() // opened for reading
		if i, _, err := s.open(name + "/index.html"); err == nil {
			_ = i.Close() // opened for reading
			toFolder(w, r)
			return nil
		}
		err = fs.ErrNotExist
	case info.IsDir():
		_ = f.Close() // opened for reading
		f, info, err = s.open(path.Join(name, "index.html"))
	}
	if missing(err) && s.spa && path.Ext(name) == "" && !s.excepts(r.URL.Path) {
		f, info, err = s.open("index.html")
	}
	if err == nil && info.IsDir() {
		_ = f.Close() // opened for reading
		err = fs.ErrNotExist
	}
	if missing(err) {
		return errNotFound(r)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading
	return send(w, r, f, info)
}

// has reports whether there is a file for the rest of a path.
func (s *static) has(raw string) bool {
	name := cmp.Or(strings.TrimSuffix(raw, "/"), ".")
	if !servable(name) {
		return false
	}
	f, info, err := s.open(name)
	if err != nil {
		return false
	}
	_ = f.Close() // opened for reading
	if info.IsDir() {
		if f, _, err = s.open(path.Join(name, "index.html")); err == nil {
			_ = f.Close() // opened for reading
		}
	}
	return err == nil
}

func (s *static) open(name string) (fs.File, fs.FileInfo, error) {
	if links, ok := s.files.(fs.ReadLinkFS); ok {
		var err error
		if name, err = follow(links, name); err != nil {
			return nil, nil, err
		}
	}
	f, err := s.files.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // opened for reading
		return nil, nil, err
	}
	return f, info, nil
}

func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid)
}

// servable reports whether a name is valid and has no element that starts with a dot.
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
	if !ok { // such as a file in a zip archive
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
