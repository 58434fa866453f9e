// Package serve is what the Go servers of the comparison share beside their
// WebSocket code: a listener, the line that reports its address, and figures of the
// runtime.
package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"time"
)

// Ready is the line that a server writes to standard output once it listens.
type Ready struct {
	Addr  string `json:"addr"`
	Stats string `json:"stats,omitempty"` // host and port of /stats; empty: the server has none
}

// Stats is what /stats answers.
type Stats struct {
	Goroutines int `json:"goroutines"`
}

// Main runs a server and ends the process when that fails.
func Main(run func() error) {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is the main function of its callers
	}
}

// Listen opens a loopback port that is free.
func Listen() (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
}

// HeaderTimeout is how long the head of a request may take.
const HeaderTimeout = 10 * time.Second

// HTTP serves a handler until that fails.
func HTTP(h http.Handler) error {
	ln, err := Listen()
	if err != nil {
		return err
	}
	if err := Announce(ln.Addr()); err != nil {
		return err
	}
	return (&http.Server{Handler: h, ReadHeaderTimeout: HeaderTimeout}).Serve(ln)
}

// Announce prints the address for the comparison and serves /stats on a port of its
// own, apart from the server's routes.
func Announce(addr net.Addr) error {
	ln, err := Listen()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", stats)
	mux.HandleFunc("GET /profile", pprof.Profile)
	mux.Handle("GET /heap", pprof.Handler("heap"))
	mux.Handle("GET /goroutines", pprof.Handler("goroutine"))
	go func() { _ = (&http.Server{Handler: mux, ReadHeaderTimeout: HeaderTimeout}).Serve(ln) }()
	return json.NewEncoder(os.Stdout).Encode(Ready{Addr: addr.String(), Stats: ln.Addr().String()})
}

func stats(w http.ResponseWriter, _ *http.Request) {
	if err := json.NewEncoder(w).Encode(Stats{Goroutines: runtime.NumGoroutine()}); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
