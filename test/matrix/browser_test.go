package matrix_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/matrix"
	"github.com/gatehouse-go/gatehouse/internal/need"
)

// TestBrowser plays the browser checks in a page of another origin.
func TestBrowser(t *testing.T) {
	pages := servePages(t)
	b := browsertest.Start(t)
	t.Log("Chromium", b.Version())
	p := b.Open(pages)
	sides := []*matrix.Side{startNode(t), startOurs(t)}
	var tab table
	for _, mode := range matrix.Modes {
		started := time.Now()
		all := make([][]matrix.Result, len(sides))
		for _, group := range []string{"connect", "events", "order", "ends", "rooms", "recovery"} {
			for i, results := range runPage(t, p, sides, mode, group) {
				all[i] = append(all[i], results...)
			}
		}
		for i, s := range sides {
			if len(all[i]) < 60 {
				t.Errorf("%s, %s: only %d checks", s.Name, mode, len(all[i]))
			}
			c := column{mode, s.Name}
			tab.columns = append(tab.columns, c)
			tab.add(c, all[i])
		}
		t.Logf("%s: %v", mode, time.Since(started).Round(time.Millisecond))
	}
	tab.report(t)
	tab.write(t, "MATRIX_BROWSER")
}

// runPage plays one group of checks against all sides in parallel.
func runPage(t *testing.T, p *browsertest.Page, sides []*matrix.Side, mode, group string) (all [][]matrix.Result) {
	t.Helper()
	var args []map[string]any
	for _, s := range sides {
		args = append(args, map[string]any{"mode": mode, "urls": s.URLs, "group": group})
	}
	arg, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(p.Eval("Promise.all("+string(arg)+".map(runMatrix))"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// servePages serves a page with the checks and the client.
func servePages(t *testing.T) (url string) {
	t.Helper()
	dir := need.Packages(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><title>matrix</title><script type="module" src="/matrix-page.mjs"></script>`))
	})
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /{file}", func(w http.ResponseWriter, r *http.Request) {
		file := filepath.Base(r.PathValue("file"))
		from := filepath.Join(dir, "js")
		if file == "socket.io.esm.min.js" {
			from = filepath.Join(dir, "node_modules", "socket.io-client", "dist")
		}
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		http.ServeFile(w, r, filepath.Join(from, file))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}
