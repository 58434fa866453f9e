package contracts

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/internal/matrix"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/contracts/wire"
)

// malformed are the packets that the checks of the matrix send although they are none, by which the server closes the connection.
var malformed = []string{`4`, `49`, `42{`, `42["x"`, `42[]`, `451-["x"]`}

// TestMatrix: every packet between npm's socket.io-client and the application of the matrix, over each transport, is a message of its
// document.
func TestMatrix(t *testing.T) {
	side := &matrix.Side{Name: "Gatehouse", URLs: map[string]string{}}
	recorders := map[string]*wire.Recorder{}
	documents := map[string][]byte{}
	var mu sync.Mutex
	apps := map[string]*app.App{}
	start := func(name, addr string) error {
		a, err := app.New(matrix.Module(matrix.NewGateway(), matrix.Variants[name].Ours...), app.HTTP(addr), app.Logger(slog.New(slog.DiscardHandler)))
		if err != nil {
			return err
		}
		if err := a.Start(t.Context()); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		apps[name] = a
		return nil
	}
	stop := func(name string) error {
		mu.Lock()
		a := apps[name]
		mu.Unlock()
		ctx, cancel := matrix.Timeout()
		defer cancel()
		return a.Stop(ctx)
	}
	t.Cleanup(func() { // in parallel: some have polling clients that never poll again
		var all sync.WaitGroup
		for name := range apps {
			all.Go(func() {
				if err := stop(name); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	for name := range matrix.Variants {
		if err := start(name, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		a := apps[name]
		m, err := contract.From(&app.Description{Modules: a.Modules(), Gateways: a.Gateways()})
		if err != nil {
			t.Fatal(err)
		}
		if documents[name], err = m.AsyncAPI(); err != nil {
			t.Fatal(err)
		}
		recorders[name] = wire.Record(t, a.URL())
		side.URLs[name] = recorders[name].URL
	}
	addr := apps["restarted"].Addr().String()
	side.Restart = func() (err error) {
		if err = stop("restarted"); err != nil {
			return err
		}
		testkit.Within(matrix.Patience, func() bool { err = start("restarted", addr); return err == nil })
		return err
	}
	checks, played := matrix.StartChecks(t), 0
	for _, mode := range matrix.Modes {
		for _, r := range checks.Run(t, mode, side) {
			if played++; !r.OK {
				t.Errorf("%s: %s: %s", mode, r.Name, r.Detail)
			}
		}
	}
	valid, mistakes, sent := 0, 0, map[string]bool{}
	for name, r := range recorders {
		rest := r.Without(func(m wire.Message) bool {
			out := m.FromClient && slices.Contains(malformed, string(m.Data))
			if out {
				sent[string(m.Data)] = true
			}
			return out
		})
		rest.Unhandled = []string{"unhandled", "unhandled too"} // which OnAny sees
		report := wire.Check(t, documents[name], rest)
		valid, mistakes = valid+report.Valid, mistakes+report.Mistakes
	}
	if len(sent) != len(malformed) {
		t.Errorf("of the packets that are none %q were sent, want %q", slices.Sorted(maps.Keys(sent)), malformed)
	}
	t.Logf("%d checks: %d frames are valid, %d mistakes of clients were answered", played, valid, mistakes)
	if valid == 0 {
		t.Error("no frame was checked")
	}
}
