package audit_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// spoofed are headers of one client: a proxy at 127.0.0.1 has added the last address.
func spoofed(addr string) [][]string {
	const name = "X-Forwarded-For: "
	return [][]string{
		{name + addr},
		{name + "198.51.100.1, " + addr},
		{name + "127.0.0.1, 127.0.0.1, " + addr},
		{name + "10.0.0.1, 192.168.0.1, " + addr},
		{name + "garbage, , ,%, [::1, " + addr},
		{name + "fe80::1%eth0, " + addr},
		{name + "::ffff:198.51.100.1, " + addr},
		{name + strings.Repeat("1.2.3.4,", 5000) + addr},
		{name + strings.Repeat(",", 10_000) + addr},
		{name, name, name + addr},
		{name + "198.51.100.1", name + "198.51.100.2", name + addr},
		{name + "198.51.100.3", name + addr + ", 127.0.0.1"},
		{name + addr + ":4711"},
		{name + addr + " \t"},
		{name + addr, "Forwarded: for=198.51.100.4", "X-Real-IP: 198.51.100.5", "CF-Connecting-IP: 198.51.100.6", "True-Client-IP: 198.51.100.7"},
		{"x-forwarded-for: 198.51.100.8", name + addr},
		{name + "@", name + "/run/x.sock, " + addr},
	}
}

// TestAudit_SpoofedAddresses: whatever a client writes into X-Forwarded-For before its proxy, and in any form of its
// own address, it counts as one client: it has one place, and one bucket of ratelimit.Connections.
func TestAudit_SpoofedAddresses(t *testing.T) {
	for _, addr := range []string{"203.0.113.9", "2001:db8:0:7::1"} {
		for _, limit := range []string{"places", "attempts"} {
			each(t, limit+" of "+addr, append([]way{{Name: "ws", Adapter: ways.PlainWS}}, socketIO...), func(t *testing.T, w way) {
				var s *stage.Stage
				if limit == "places" {
					s = w.Stage(t, stage.App(app.TrustedProxies("127.0.0.1"), app.MaxConnectionsPerAddress(1)))
				} else {
					s = w.Stage(t, stage.App(app.TrustedProxies("127.0.0.1"), app.UseGuards(ratelimit.Connections(0, 1))))
				}
				e := rawpeer.NewEngine(t, s.Addr)
				open := func(lines ...string) (*rawpeer.Peer, rawpeer.Answer) {
					p := rawpeer.Dial(t, s.Addr)
					switch {
					case w.Name == "ws":
						p.Write(rawpeer.Upgrade("/", lines...))
					case w.Polling || w.Upgrade:
						p.Write(rawpeer.Request(http.MethodGet, e.Query("polling", ""), lines...) + "\r\n")
					default:
						p.Write(rawpeer.Upgrade(e.Query("websocket", ""), lines...))
					}
					return p, p.Answer()
				}
				if _, a := open(spoofed(addr)[1]...); a.Status >= 400 {
					t.Fatalf("the first was answered %d %s", a.Status, a.Body)
				}
				for _, lines := range spoofed(addr) {
					p, a := open(lines...)
					if a.Status != http.StatusTooManyRequests {
						t.Errorf("%.150q was answered %d %.100s", lines, a.Status, a.Body)
					}
					p.Close()
				}
				forms := []string{"::ffff:203.0.113.9", "[::ffff:203.0.113.9]:80", "::ffff:cb00:7109", "::ffff:203.0.113.9%x"}
				if strings.Contains(addr, ":") {
					forms = []string{"2001:DB8:0:7:ffff:ffff:ffff:ffff", "[2001:db8:0:7::9]:4711", "[2001:db8:0:7::9]", "2001:db8:0:7::2%eth0", "2001:0db8:0000:0007:0:0:0:3"}
				}
				for _, form := range forms {
					p, a := open("X-Forwarded-For: " + form)
					if a.Status != http.StatusTooManyRequests {
						t.Errorf("%q was answered %d %.100s", form, a.Status, a.Body)
					}
					p.Close()
				}
				if _, a := open("X-Forwarded-For: 203.0.113.10"); a.Status >= 400 {
					t.Errorf("another client was answered %d %s", a.Status, a.Body)
				}
			})
		}
	}
}

// TestAudit_GuessesOfOneAddress: passwords in auth are tried over many sessions and many namespaces of each, left and
// entered again, with invented addresses: the guard sees as many as the bucket of the one address holds, bound to the
// application, to the gateway, or to both.
func TestAudit_GuessesOfOneAddress(t *testing.T) {
	const burst = 6
	for name, bind := range map[string]func(limit pipeline.Guard) []stage.Option{
		"application": func(limit pipeline.Guard) []stage.Option { return []stage.Option{stage.App(app.UseGuards(limit))} },
		"gateway": func(limit pipeline.Guard) []stage.Option {
			return []stage.Option{stage.Gateway(websockets.UseGuards(limit))}
		},
		"both": func(limit pipeline.Guard) []stage.Option {
			return []stage.Option{stage.App(app.UseGuards(limit)), stage.Gateway(websockets.UseGuards(limit))}
		},
	} {
		each(t, name, socketIO, func(t *testing.T, w way) {
			var guesses atomic.Int32
			password := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
				if c.Kind == pipeline.KindConnect {
					guesses.Add(1)
					return pipeline.ErrUnauthorized
				}
				return nil
			})
			opts := append(bind(ratelimit.Connections(0, burst)),
				stage.App(app.TrustedProxies("127.0.0.1")), stage.Gateway(websockets.Namespace("/{room}"), websockets.UseGuards(password)))
			s := w.Stage(t, opts...)
			for i := range 12 {
				e := rawpeer.NewEngine(t, s.Addr)
				e.Lines = spoofed("203.0.113.9")[i]
				p := rawpeer.Dial(t, s.Addr)
				if w.Polling || w.Upgrade {
					p.Write(rawpeer.Request(http.MethodGet, e.Query("polling", ""), e.Lines...) + "\r\n")
				} else {
					p.Write(rawpeer.Upgrade(e.Query("websocket", ""), e.Lines...))
				}
				a := p.Answer()
				if a.Status >= 400 {
					p.Close()
					continue
				}
				l := &line{T: t, WS: &rawpeer.Socket{Peer: p}}
				if w.Polling || w.Upgrade {
					l.WS, l.Poller = nil, &rawpeer.Poller{Engine: e, SID: a.Get("sid")}
					l.Do = l.Request
				}
				if w.Upgrade {
					l = &line{T: t, WS: l.Poller.Upgrade()}
				}
				for n := 0; ; n++ {
					ns := fmt.Sprintf("/room%d", n%3)
					if !l.Send("40" + ns + fmt.Sprintf(`,{"pin":"%04d"}`, n)) {
						break
					}
					if _, ok := l.ReadTo("44"); !ok {
						break
					}
				}
			}
			if n := int(guesses.Load()); n > burst || n == 0 {
				t.Errorf("%d guesses, the bucket holds %d", n, burst)
			}
		})
	}
}

// TestAudit_ConnectTimeoutIsNotExtended: only an entry ends the period that a connection may be in no namespace: not
// pongs, refusals caused by the server, packets for a namespace just left, pending entries, upgrades or heartbeats.
func TestAudit_ConnectTimeoutIsNotExtended(t *testing.T) {
	adapter := func() adapter.Adapter {
		return socketio.New(socketio.Options{ConnectTimeout: 900 * time.Millisecond, Compression: socketio.CompressionStream})
	}
	slow := websockets.Admit(func(ctx context.Context, h *websockets.Handshake) error {
		var auth struct{ Say string }
		_ = h.Auth.Decode(&auth)
		switch auth.Say {
		case "yes":
			return nil
		case "wait":
			<-ctx.Done()
			return ctx.Err()
		}
		return &websockets.Error{Message: "Later", Status: http.StatusServiceUnavailable}
	})
	for name, game := range map[string]func(l *line, i int) bool{
		"pongs":         func(l *line, _ int) bool { return l.Send("3") },
		"refused":       func(l *line, _ int) bool { return l.Send("40") },
		"many refused":  func(l *line, i int) bool { return l.Send(fmt.Sprintf("40/%d,", i%5)) },
		"waiting":       func(l *line, i int) bool { return i != 1 || l.Send(`40{"say":"wait"}`) },
		"waiting often": func(l *line, i int) bool { return i%4 != 0 || l.Send(fmt.Sprintf(`40/%d,{"say":"wait"}`, i)) },
		"noise":         func(l *line, _ int) bool { return l.Send("6") },
	} {
		for _, before := range []bool{false, true} {
			each(t, fmt.Sprintf("%s, entered before: %t", name, before), []way{
				{Name: "websocket", Adapter: adapter}, {Name: "polling", Adapter: adapter, Polling: true}, {Name: "upgraded", Adapter: adapter, Upgrade: true},
			}, func(t *testing.T, w way) {
				s := w.Stage(t, stage.Gateway(websockets.NamespaceFunc("all", func(string) bool { return true }), slow))
				started := time.Now() // before the period starts
				var l *line
				if !before {
					l = w.Dial(t, s)
				} else {
					s.Wait("a client has entered", func() bool { // on a busy machine the first one may be too late
						l = w.Dial(t, s)
						if !l.Send(`40{"say":"yes"}`) {
							return false
						}
						_, ok := l.ReadTo("40{")
						return ok
					})
					started = time.Now()
					l.Send("41")
				}
				ended := make(chan struct{})
				tick := time.NewTicker(80 * time.Millisecond)
				defer tick.Stop()
				go func() {
					defer close(ended)
					for {
						if _, ok := l.Read(); !ok {
							return
						}
					}
				}()
				for i := 0; ; i++ {
					select {
					case <-ended:
						if d := time.Since(started); d < 700*time.Millisecond || d > testkit.Patience/2 {
							t.Errorf("it was ended after %v", d)
						}
						return
					case <-tick.C:
						if time.Since(started) > testkit.Patience {
							t.Errorf("it is still connected after %v", testkit.Patience)
							l.Send("1")
							<-ended
							return
						}
						if l.Poller != nil {
							l.Poller.Engine.TryDo(l.Poller.PostBytes(map[bool]string{true: "3", false: "40"}[name == "pongs"]))
						} else {
							game(l, i)
						}
					}
				}
			})
		}
	}
}
