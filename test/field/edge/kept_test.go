package edge_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The limits of what a connection keeps: of its headers, of the auth of each namespace, and of everything else.
const (
	keptHeaders = 16 << 10
	keptAuth    = 16 << 10
	keptFixed   = 16 << 10

	testsOwn = 6 << 10 // of each connection's other end, in the same process
	margin   = 4 << 10 // tolerance of a measurement
)

// heap returns the live heap.
func heap() int64 {
	var m runtime.MemStats
	for range 3 { // pools free their contents in the second collection
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// everywhere runs f for every way. Namespaces have a pattern where "/" may be one, so that each has its own path
// values.
func everywhere(t *testing.T, opts []stage.Option, f func(t *testing.T, d *way)) {
	t.Helper()
	ways(t, opts, f, plain, "compressed ws")
	pattern := stage.Gateway(websockets.NamespaceRegexp(regexp.MustCompile(`/(?P<name>.*)`)))
	ways(t, append([]stage.Option{pattern}, opts...), f, socket, polling)
	ways(t, opts, f, "zishang", "zishang polling")
}

// connect opens a connection with these headers, and enters namespaces with that auth.
func (d *way) connect(lines []string, auth string, namespaces int) {
	d.t.Helper()
	c := d.want(lines...)
	var wire rawpeer.Wire
	switch {
	case d.name == plain || d.name == "compressed ws":
		return
	case d.polling:
		c.peer.Close()
		wire = &rawpeer.Poller{Engine: rawpeer.NewEngine(d.t, d.Addr), SID: c.sid}
	default:
		s := &rawpeer.Socket{Peer: c.peer}
		if open := s.Read(); !strings.HasPrefix(open, "0{") {
			d.t.Fatalf("got %.100s", open)
		}
		wire = s
	}
	for i := range namespaces {
		nsp := "/"
		if i > 0 {
			nsp = fmt.Sprintf("/n%d", i)
		}
		rawpeer.Enter(d.t, wire, nsp, auth)
	}
}

// TestField_X03_WhatAnIdleClientHolds: Of a handshake with 60 KiB of headers an idle client keeps 16 KiB, in any
// shape, once and not per namespace; it keeps its own copy of its auth, which does not retain the message that
// contained it.
func TestField_X03_WhatAnIdleClientHolds(t *testing.T) {
	const clients = 20
	big := []string{"X-Big: " + strings.Repeat("b", 40<<10)}
	for i := range 20 {
		big = append(big, fmt.Sprintf("X-Small-%d: %s", i, strings.Repeat("s", 950)))
	}
	var empty []string
	for range 15_000 {
		empty = append(empty, "A:")
	}
	for name, tt := range map[string]struct {
		lines      []string
		auth       string
		namespaces int
		most       int64
	}{
		"nothing":            {nil, "", 1, keptFixed + testsOwn},
		"large headers":      {big, "", 1, keptHeaders + margin},
		"empty headers":      {empty, "", 1, keptHeaders + margin},
		"large auth":         {nil, `{"a":"` + strings.Repeat("a", 16_000) + `"}`, 1, keptAuth + margin},
		"100 namespaces":     {big, `{"a":1}`, 100, keptHeaders + 100*keptFixed/2},
		"100 namespaces and": {big, `{"a":"` + strings.Repeat("a", 8000) + `"}`, 100, keptHeaders + 100*(keptAuth+keptFixed/2)},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, nil, func(t *testing.T, d *way) {
				if tt.namespaces > 1 && (d.name == plain || d.name == "compressed ws" || strings.Contains(d.name, "polling")) {
					return
				}
				if name == "nothing" && d.polling {
					return // the buffers of the test's own connections are larger
				}
				if strings.HasPrefix(d.name, "zishang") && name != "large headers" && name != "empty headers" {
					return // memory of the library itself is not counted
				}
				held := func(lines []string, auth string, namespaces int) int64 {
					before, earlier := heap(), d.Connects()
					for range clients {
						d.connect(lines, auth, namespaces)
					}
					d.Wait("all are connected", func() bool { return d.Connects()-earlier >= clients*namespaces })
					return (heap() - before) / clients
				}
				_ = held(nil, "", 1) // values that are created once
				var got, least int64
				for range 5 { // other tests use the same heap: what they free meanwhile spoils both measurements
					if least = 0; name != "nothing" {
						least = held(nil, "", 1)
					}
					if got = held(tt.lines, tt.auth, tt.namespaces) - least; least >= 0 && got >= -margin && got <= tt.most {
						break
					}
				}
				t.Logf("%d bytes for each client more than %d", got, least)
				if got > tt.most {
					t.Errorf("an idle client holds %d bytes, want at most %d", got, tt.most)
				}
			})
		})
	}
}

// TestField_X03_RequestAndAuthAfterwards: Guards and HandleConnection see the whole request; afterwards it has
// method, URL, path values, host, address and 16 KiB of headers, in every namespace, and nothing of the server.
func TestField_X03_RequestAndAuthAfterwards(t *testing.T) {
	type seen struct {
		Big, Small int
		Ctx, TLS   bool
		URL, Host  string
		Address    string
		Name       string
	}
	look := func(c websockets.Client) seen {
		r := c.Request()
		return seen{
			Big: len(r.Header.Get("X-Big")), Small: len(r.Header.Get("X-Small")), TLS: r.TLS != nil,
			Ctx: r.Context().Value(http.ServerContextKey) != nil, URL: r.URL.Path, Host: r.Host,
			Address: websockets.RemoteAddr(c).String(), Name: r.PathValue("name"),
		}
	}
	during := make(chan seen, 10)
	opts := []stage.Option{
		stage.OnConnect(func(_ context.Context, c websockets.Client) error { during <- look(c); return nil }),
		stage.Handle(websockets.On("look", func(ctx context.Context, _ websockets.Payload) (seen, error) {
			return look(websockets.ClientFrom(ctx)), nil
		})),
	}
	everywhere(t, opts, func(t *testing.T, d *way) {
		header := http.Header{"X-Big": {strings.Repeat("b", 30<<10)}, "X-Small": {"small"}}
		path := strings.TrimSuffix(d.target, "?EIO=4&transport=websocket")
		want := seen{Big: 30 << 10, Small: 5, Ctx: true, URL: path, Host: d.Addr, Address: "127.0.0.1"}
		if d.polling {
			return // the test's client has no polling
		}
		clients := []func() *apptest.Client{func() *apptest.Client { return d.App.DialWS("/", apptest.WithHeader(header)) }}
		if path != "/" {
			clients[0] = func() *apptest.Client { return d.App.DialSocketIO("/", apptest.WithHeader(header)) }
			if d.name == socket {
				clients = append(clients, func() *apptest.Client { return d.App.DialSocketIO("/chat", apptest.WithHeader(header)) })
			}
		}
		for i, dial := range clients {
			want := want
			if i == 1 {
				want.Name = "chat"
			}
			c := dial() // one after the other: HandleConnection runs after the client is connected
			if got := testkit.Receive(t, "HandleConnection", during); got != want {
				t.Errorf("HandleConnection sees %+v, want %+v", got, want)
			}
			want.Big, want.Ctx = 0, false
			if got := apptest.Call[seen](c, "look"); got != want {
				t.Errorf("a handler sees %+v, want %+v", got, want)
			}
		}
		if n := strings.Count(d.Log.String(), "headers of the handshake are not kept"); n != len(clients) || strings.Contains(d.Log.String(), "bbbb") {
			t.Errorf("%d lines name the omitted headers", n)
		}
	})
}

// TestField_X03_LargeAuth: Auth of more than 16 KiB is refused with a connect_error, whatever makes it large, and the
// client may try again.
func TestField_X03_LargeAuth(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, d *way) {
		if d.name == plain || d.name == "compressed ws" {
			return
		}
		c := d.want()
		var wire rawpeer.Wire = &rawpeer.Poller{Engine: rawpeer.NewEngine(t, d.Addr), SID: c.sid}
		if !d.polling {
			s := &rawpeer.Socket{Peer: c.peer}
			s.Read()
			wire = s
		}
		for _, auth := range []string{
			`{"a":"` + strings.Repeat("a", 16<<10) + `"}`,
			`{"a":1` + strings.Repeat(" ", 900_000) + `}`,
		} {
			wire.Send("40" + auth)
			if got := wire.Read(); !strings.HasPrefix(got, `44{"message":"auth has more than 16384 bytes"`) || !strings.Contains(got, `"code":"auth_too_large"`) {
				t.Fatalf("answered %.300s", got)
			}
		}
		rawpeer.Enter(t, wire, "/", `{"a":"`+strings.Repeat("a", 16<<10-8)+`"}`)
		rawpeer.Echo(t, wire, "in")
	})
}

// TestKeptByOption: Limits.MaxAuth and Limits.KeptHeaders set the sizes of kept data.
func TestKeptByOption(t *testing.T) {
	opts := []stage.Option{
		stage.Limits(websockets.Limits{MaxAuth: 40, KeptHeaders: 40 << 10}),
		stage.Handle(websockets.On("look", func(ctx context.Context, _ websockets.Payload) (int, error) {
			return len(websockets.ClientFrom(ctx).Request().Header.Get("X-Big")), nil
		})),
	}
	for _, adapter := range []adapter.Adapter{ws.New(), socketio.New()} {
		s := stage.New(t, adapter, opts...)
		header := http.Header{"X-Big": {strings.Repeat("b", 30<<10)}}
		dial := map[string]func() *apptest.Client{
			"ws":       func() *apptest.Client { return s.App.DialWS("/", apptest.WithHeader(header)) },
			"socketio": func() *apptest.Client { return s.App.DialSocketIO("/", apptest.WithHeader(header)) },
		}[adapter.Name()]
		if n := apptest.Call[int](dial(), "look"); n != 30<<10 {
			t.Errorf("%s: %d bytes are kept", adapter.Name(), n)
		}
		if adapter.Name() == "socketio" {
			_, err := apptest.TryDialSocketIO(t, s.App.URL(), apptest.WithAuth(map[string]string{"a": strings.Repeat("a", 40)}))
			if err == nil || !strings.Contains(err.Error(), "auth has more than 40 bytes") {
				t.Errorf("got %v", err)
			}
		}
	}
}

// TestField_X03_LongURL: A WebSocket handshake with a URL of more than 16 KiB, which the connection would keep, is
// answered with 414.
func TestField_X03_LongURL(t *testing.T) {
	ways(t, nil, func(t *testing.T, d *way) {
		for n, want := range map[int]int{16<<10 - 10: d.want().Status, 17 << 10: http.StatusRequestURITooLong} {
			target := d.target + "&x="
			if d.name == plain || d.name == "compressed ws" {
				target = d.target + "?x="
			}
			target += strings.Repeat("x", n-len(target))
			p := rawpeer.Dial(t, d.Addr)
			p.Write(strings.Replace(rawpeer.Upgrade("TARGET"), "TARGET", target, 1))
			if d.polling {
				p = rawpeer.Dial(t, d.Addr)
				p.Write(rawpeer.Request(http.MethodGet, target) + "\r\n")
			}
			if got := p.Answer(); got.Status != want {
				t.Errorf("%d bytes were answered %d %s", n, got.Status, got.Body)
			}
		}
	})
}
