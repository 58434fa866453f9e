package web_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"net/http/httptest"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/web"
)

var site = fstest.MapFS{
	"index.html":       {Data: []byte("top"), ModTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	"style.css":        {Data: []byte("0123456789")},
	"a b.txt":          {Data: []byte("space")},
	"docs/index.html":  {Data: []byte("docs")},
	"bare/file.txt":    {Data: []byte("bare")},
	"odd/index.html/x": {Data: []byte("odd")},
	".env":             {Data: []byte("secret")},
	".git/config":      {Data: []byte("secret")},
	"docs/.hidden":     {Data: []byte("secret")},
}

func TestStatic(t *testing.T) {
	const none = "404"
	for _, tt := range []struct{ path, root, assets, spa string }{ // the body, the status 404, or the Location
		{"/", "top", "top", "top"},
		{"/index.html", "top", "top", "top"},
		{"/style.css", "0123456789", "0123456789", "0123456789"},
		{"/a%20b.txt", "space", "space", "space"},
		{"/docs", "./docs/", "./docs/", "./docs/"},
		{"/docs?q=1", "./docs/?q=1", "./docs/?q=1", "./docs/?q=1"},
		{"/docs/", "docs", "docs", "docs"},
		{"/docs/index.html", "docs", "docs", "docs"},
		{"/style.css/", none, none, none},
		{"/bare", none, none, "top"},
		{"/bare/", none, none, "top"},
		{"/odd/", none, none, none},
		{"/bare/file.txt", "bare", "bare", "bare"},
		{"/client/route", none, none, "top"},
		{"/none.js", none, none, none},
		{"/.env", none, none, none},
		{"/.git/config", none, none, none},
		{"/docs/.hidden", none, none, none},
		{"/%2e%2e/x", none, none, none},
		{"/..%2f..%2fetc%2fpasswd", none, none, none},
		{"/docs%2findex.html", "docs", "docs", "docs"},
		{"/a%5cb", none, none, none},
		{"/a%00b", none, none, none},
		{"//docs", none, none, none},
	} {
		for name, want := range map[string]string{"root": tt.root, "assets": tt.assets, "spa": tt.spa} {
			prefix, opts := "/", []web.StaticOption(nil)
			switch name {
			case "assets":
				prefix = "/assets"
			case "spa":
				opts = append(opts, web.SPA())
			}
			k := serve(t, func(r chi.Router) { web.Static(r, prefix, site, opts...) })
			target := tt.path
			if name == "assets" {
				target = "/assets" + target
			}
			w := k.do("GET", target, "")
			got := w.Body.String()
			switch {
			case w.Code == 404 && w.Header().Get("Content-Type") == "application/json; charset=utf-8":
				got = none
			case w.Code == 301:
				got = w.Header().Get("Location")
			case w.Code != 200:
				t.Errorf("%s: %s: %d", name, tt.path, w.Code)
			}
			if got != want {
				t.Errorf("%s: %s: got %q, want %q", name, tt.path, got, want)
			}
			if h := k.do("HEAD", target, ""); h.Code != w.Code || h.Body.Len() != 0 {
				t.Errorf("%s: HEAD %s: %d %s", name, tt.path, h.Code, h.Body)
			}
		}
	}
}

func TestStaticHTTP(t *testing.T) {
	k := serve(t, func(r chi.Router) {
		r.Get("/api", text("api"))
		web.Static(r, "/", site)
	})
	k.want(k.do("GET", "/api", ""), 200, "api")
	if w := k.do("POST", "/style.css", ""); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	r := request("GET", "/style.css", "")
	r.Header.Set("Range", "bytes=2-4")
	w := k.send(r)
	k.want(w, 206, "234")
	if h := w.Header(); h.Get("Content-Type") != "text/css; charset=utf-8" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("header %v", h)
	}
	r = request("GET", "/", "")
	r.Header.Set("If-Modified-Since", "Fri, 02 Jan 2026 03:04:05 GMT")
	k.want(k.send(r), 304, "")

	plain := chi.NewRouter() // works on a router of chi too
	web.Static(plain, "/x", site)
	for _, method := range []string{"GET", "HEAD"} {
		w := httptest.NewRecorder()
		plain.ServeHTTP(w, httptest.NewRequest(method, "/x/style.css", nil))
		if w.Code != 200 {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// badFS returns errors.
type badFS struct{}

func (badFS) Open(name string) (fs.File, error) {
	switch name {
	case "denied":
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	case "broken":
		return nil, &fs.PathError{Op: "open", Path: name, Err: errDisk}
	default:
		return badFile{}, nil
	}
}

type badFile struct{}

func (badFile) Stat() (fs.FileInfo, error) { return nil, errDisk }
func (badFile) Read([]byte) (int, error)   { return 0, errDisk }
func (badFile) Close() error               { return nil }

func TestStaticErrors(t *testing.T) {
	k := serve(t, func(r chi.Router) { web.Static(r, "/", badFS{}) })
	k.want(k.do("GET", "/denied", ""), 404, `{"statusCode":404,"message":"Cannot GET /denied","error":"Not Found"}`)
	k.want(k.do("GET", "/broken", ""), 500, serverError)
	k.want(k.do("GET", "/stat", ""), 500, serverError)
}

// Files in a zip archive do not implement io.Seeker.
func TestStaticWithoutSeek(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("a.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(f, "zipped")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	k := serve(t, func(r chi.Router) { web.Static(r, "/", files) })
	r := request("GET", "/a.txt", "")
	r.Header.Set("Range", "bytes=0-2")
	k.want(k.send(r), 206, "zip")
}
