package inspect

import (
	"context"
	"io"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type echo struct{}

func newEcho() *echo { return &echo{} }

func (*echo) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil })}
}

// asker returns a function that sends 64 bytes as Socket.IO n times and reads the answers, without allocations.
func asker(t testing.TB, hooks ...observe.Hooks) func(n int) {
	t.Helper()
	a := apptest.New(t, module.New("echo", module.Providers(websockets.Gateway(newEcho, websockets.WithLimits(websockets.Limits{PingInterval: time.Hour})))),
		apptest.With(app.WebSockets(socketio.New()), app.Observe(hooks...), app.Logger(slog.New(slog.DiscardHandler))))
	p := rawpeer.NewEngine(t, a.URL()).WebSocket()
	p.Send("40")
	p.Read()
	if err := p.Conn.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	data := strings.Repeat("x", 62)
	question := []byte(rawpeer.Frame{First: 0x81, Payload: `421["echo","` + data + `"]`}.Bytes())
	buf := make([]byte, 2+len(`431["`+data+`"]`))
	ask := func(n int) {
		for range n {
			if _, err := p.Conn.Write(question); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(p.R, buf); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.HasSuffix(string(buf), data+`"]`) {
			t.Fatalf("got %q", buf)
		}
	}
	ask(100)
	return ask
}

// costs are what is compared: no inspector, one without a page, and one with a page that shows the log.
func costs(t testing.TB) map[string]func(n int) {
	t.Helper()
	idle := &inspector{feed: newFeed(), ready: make(chan struct{})}
	shown := &inspector{feed: newFeed(), ready: make(chan struct{})}
	page := apptest.NewFakeClient("page")
	shown.feed.enter(page)
	shown.feed.watch("page", nil, watching{On: true})
	t.Cleanup(func() {
		if err := shown.feed.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return map[string]func(n int){"none": asker(t), "idle": asker(t, newHooks(idle)), "page": asker(t, newHooks(shown))}
}

// allocations returns how many there are for each message: the least of several rounds, since pools are emptied at times.
func allocations(ask func(n int)) float64 {
	const n, rounds = 1000, 5
	least := math.Inf(1)
	for range rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ask(n)
		runtime.ReadMemStats(&after)
		least = min(least, float64(after.Mallocs-before.Mallocs)/n)
	}
	return least
}

// An inspector without a page costs a message few allocations, and one with a page some more.
func TestAllocations(t *testing.T) {
	all := costs(t)
	base := allocations(all["none"])
	for name, most := range map[string]float64{"idle": 3, "page": 4} {
		got := allocations(all[name]) - base
		t.Logf("%s: %.2f more than %.2f", name, got, base)
		if got > most+0.5 {
			t.Errorf("%s: %.1f allocations more than %.1f, want at most %v", name, got, base, most)
		}
	}
}
