package matrix_test

import (
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/matrix"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// startNode starts npm's servers.
func startNode(t *testing.T) *matrix.Side {
	t.Helper()
	p := nodetest.StartProcess(t, "matrix-server.mjs", func([]byte) {})
	s := &matrix.Side{Name: "Node", URLs: map[string]string{}}
	start := func(name string, port int) (string, error) {
		fields := nodetest.Fields{"name": name, "opts": matrix.Variants[name].Node}
		if port != 0 {
			fields["port"] = port
		}
		answer, err := p.Do("start", fields)
		if err != nil {
			return "", err
		}
		var url string
		return url, json.Unmarshal(answer, &url)
	}
	for name := range matrix.Variants {
		url, err := start(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.URLs[name] = url
	}
	s.Restart = func() error {
		if _, err := p.Do("stop", nodetest.Fields{"name": "restarted"}); err != nil {
			return err
		}
		_, err := start("restarted", portOf(s.URLs["restarted"]))
		return err
	}
	return s
}

// startOurs starts Gatehouse.
func startOurs(t *testing.T) *matrix.Side {
	t.Helper()
	s := &matrix.Side{Name: "Gatehouse", URLs: map[string]string{}}
	var stops []func() error
	for name := range matrix.Variants {
		if name != "restarted" {
			a := startApp(t, "127.0.0.1:0", matrix.Variants[name].Ours...)
			s.URLs[name], stops = a.url, append(stops, a.stop)
		}
	}
	t.Cleanup(func() { // in parallel: some have polling clients that never poll again
		var all sync.WaitGroup
		for _, stop := range stops {
			all.Go(func() { _ = stop() }) // reported by the starter
		}
		all.Wait()
	})
	var mu sync.Mutex
	current := startApp(t, "127.0.0.1:0", matrix.Variants["restarted"].Ours...)
	s.URLs["restarted"] = current.url
	s.Restart = func() error {
		mu.Lock()
		defer mu.Unlock()
		if err := current.stop(); err != nil {
			return err
		}
		var err error
		testkit.WithinEvery(100*time.Millisecond, matrix.Patience, func() bool { // a connection of another program may have the port for a moment
			var next *application
			if next, err = newApp(t, current.addr, matrix.Variants["restarted"].Ours...); err == nil {
				current = next
			}
			return err == nil
		})
		return err
	}
	return s
}

// application is a running Gatehouse with the gateway of the matrix.
type application struct {
	gateway   *matrix.Gateway
	addr, url string
	stop      func() error
	app       *app.App
}

func startApp(t *testing.T, addr string, opts ...websockets.Option) *application {
	t.Helper()
	a, err := newApp(t, addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newApp(t *testing.T, addr string, opts ...websockets.Option) (*application, error) {
	t.Helper()
	g := matrix.NewGateway()
	a, err := app.New(matrix.Module(g, opts...), app.HTTP(addr), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	if err := a.Start(t.Context()); err != nil {
		return nil, err
	}
	at := a.Addr().String()
	stop := sync.OnceValue(func() error {
		ctx, cancel := matrix.Timeout()
		defer cancel()
		return a.Stop(ctx)
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop of the application: %v", err)
		}
	})
	return &application{g, at, "http://" + at, stop, a}, nil
}
