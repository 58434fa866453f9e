package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestAudit_Kicks: a client that is disconnected from HandleConnection, from its own handler, from a handler of
// another client or another namespace, or while it enters a second namespace, has HandleDisconnect once for each
// stay; after DisconnectAll nothing that it sends is handled, and it cannot enter again over that connection.
func TestAudit_Kicks(t *testing.T) {
	for _, all := range []bool{false, true} {
		each(t, fmt.Sprintf("all %t", all), socketIO, func(t *testing.T, w way) {
			for name, do := range map[string]func(k *kicking, l *line) *line{
				"hook": func(_ *kicking, l *line) *line { l.Send("40/hook,"); return nil },
				"own handler": func(k *kicking, l *line) *line {
					k.enter(l, "/a")
					l.Send(`42/a,1["kick me",{}]`, `42/a,["noop"]`, `42/a,["noop"]`)
					return nil
				},
				"other namespace": func(k *kicking, l *line) *line {
					k.enter(l, "/a")
					k.enter(l, "/b")
					l.Send(`42/a,["kick","/b"]`)
					return nil
				},
				"while it enters": func(k *kicking, l *line) *line {
					k.enter(l, "/a")
					l.Send("40/slow,")
					<-k.entering
					l.Send(`42/a,["kick","/a"]`)
					return nil
				},
				"another client": func(k *kicking, l *line) *line {
					k.enter(l, "/a")
					other := w.Dial(t, k.Stage)
					k.enter(other, "/z")
					other.Send(`42/z,7["kick","/a"]`)
					other.Want("43/z,7")
					return other
				},
			} {
				t.Run(name, func(t *testing.T) {
					k := newKicking(t, w, all)
					l := w.Dial(t, k.Stage)
					other := do(k, l)
					testkit.Receive(t, "the disconnect of a client", k.kicked)
					events := k.Events()
					if all {
						l.Send("40/again,", `42/a,["noop"]`)
						if p, ok := l.ReadTo("40/again"); ok {
							t.Errorf("it has entered again: %s", p)
						}
						if n := k.Events(); n != events {
							t.Errorf("%d events were handled afterwards", n-events)
						}
					} else {
						l.Want("41/")
						if l.Send("40/again,") {
							l.Want("40/again,{") // as in Socket.IO
						}
						l.Leave()
					}
					if other != nil {
						other.Send(`42/z,8["echo","still here"]`)
						other.Want(`43/z,8["still here"]`)
						other.Leave()
					}
					k.WantGone(1)
				})
			}
		})
	}
}

// kicking is a stage whose handlers disconnect clients.
type kicking struct {
	*stage.Stage
	entering chan struct{} // receives when a client waits for /slow
	kicked   chan struct{} // receives when a client was disconnected

	mu        sync.Mutex
	connected map[string]websockets.Client // by namespace
}

func newKicking(t *testing.T, w way, all bool) *kicking {
	t.Helper()
	k := &kicking{entering: make(chan struct{}, 1), kicked: make(chan struct{}, 10), connected: map[string]websockets.Client{}}
	kick := func(c websockets.Client) {
		if all {
			c.DisconnectAll()
		} else {
			c.Disconnect()
		}
		k.kicked <- struct{}{}
	}
	k.Stage = w.Stage(t,
		stage.Gateway(websockets.Namespace("/{room}"), websockets.Admit(func(ctx context.Context, h *websockets.Handshake) error {
			if h.Namespace == "/slow" {
				k.entering <- struct{}{}
				<-ctx.Done()
			}
			return nil // too late
		}), websockets.WithLimits(websockets.Limits{HandshakeTimeout: 3 * time.Second})),
		stage.OnConnect(func(_ context.Context, c websockets.Client) error {
			k.mu.Lock()
			k.connected[c.Namespace()] = c
			k.mu.Unlock()
			if c.Namespace() == "/hook" {
				kick(c)
			}
			return nil
		}),
		stage.Handle(
			websockets.On("kick me", func(ctx context.Context, _ struct{}) (int, error) {
				kick(websockets.ClientFrom(ctx))
				kick(websockets.ClientFrom(ctx))
				return 1, nil
			}),
			websockets.On("kick", func(_ context.Context, ns string) (int, error) {
				kick(k.client(ns))
				return 1, nil
			}),
		))
	return k
}

func (k *kicking) client(ns string) websockets.Client {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.connected[ns]
}

// enter enters a namespace, and waits until HandleConnection has the client: the answer is sent before that.
func (k *kicking) enter(l *line, ns string) {
	l.T.Helper()
	l.Send("40" + ns + ",")
	l.Want("40" + ns + ",")
	k.Wait("HandleConnection has run", func() bool { return k.client(ns) != nil })
}

// TestAudit_ConnectFlood: 3,000 CONNECT packets without waiting for answers, to namespaces that exist, that do not,
// that the client is in, and with DISCONNECT between them, end the connection or are limited; others are served
// meanwhile.
func TestAudit_ConnectFlood(t *testing.T) {
	for name, packet := range map[string]func(i int) []string{
		"invalid": func(i int) []string { return []string{fmt.Sprintf("40/none%d,", i)} },
		"valid":   func(i int) []string { return []string{fmt.Sprintf("40/r/%d,", i)} },
		"in and out": func(i int) []string {
			return []string{fmt.Sprintf("40/r/%d,", i%7), fmt.Sprintf("41/r/%d,", (i+3)%7)}
		},
		"mixed": func(i int) []string { return []string{fmt.Sprintf("40/none%d,", i), fmt.Sprintf("40/r/%d,", i)} },
		"long":  func(i int) []string { return []string{fmt.Sprintf("40/r/%d%s,", i, strings.Repeat("x", 450))} },
	} {
		each(t, name, socketIO, func(t *testing.T, w way) {
			s := w.Stage(t, stage.Gateway(websockets.Namespace("/r/{room}")))
			started := time.Now()
			l := w.Dial(t, s)
			var batch []string
			for i := range 3000 {
				if batch = append(batch, packet(i)...); len(batch) < 50 {
					continue
				}
				if l.Poller != nil {
					_, _ = l.Poller.TryDo(l.Poller.PostBytes(strings.Join(batch, "\x1e")))
				} else {
					for _, p := range batch {
						_ = l.WS.TrySend(p)
					}
				}
				batch = nil
			}
			n := s.Connects() // a burst of 120, and one per second
			if most := 130 + int(time.Since(started)/time.Second); n > most {
				t.Errorf("%d entries, at most %d are allowed", n, most)
			}
			other := w.Dial(t, s)
			other.Send("40/r/other,")
			other.Want("40/r/other,{")
			other.Leave()
			if l.WS != nil {
				l.WS.Reset()
			} else {
				_, _ = l.Poller.TryDo(l.Poller.PostBytes("1"))
			}
			s.WantGone(1)
		})
	}
}

// TestAudit_KickedWhileLeaving: clients that are kicked by another client at the moment at which they leave, enter
// again, or are cut are disconnected once.
func TestAudit_KickedWhileLeaving(t *testing.T) {
	each(t, "race", socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, stage.Gateway(websockets.Namespace("/{room}")))
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Server.Local().Disconnect()
				}
			}
		})
		for i := range 60 {
			l := w.Dial(t, s)
			if l.Poller != nil {
				_, _ = l.Poller.TryDo(l.Poller.PostBytes("40/a,\x1e40/b,"))
				_, _ = l.Poller.TryDo(l.Poller.PostBytes("41/a,\x1e40/a,\x1e42/b,[\"noop\"]"))
				_, _ = l.Poller.TryDo(l.Poller.PostBytes("1"))
				continue
			}
			for _, p := range []string{"40/a,", "40/b,", "41/a,", "40/a,", `42/b,["noop"]`, "41/b,", "40/b,"} {
				_ = l.WS.TrySend(p)
			}
			if i%2 == 0 {
				l.WS.Reset()
			} else {
				l.WS.Close()
			}
		}
		close(stop)
		wg.Wait()
		s.WantGone(0)
		rawpeer.NewEngine(t, s.Addr).Poll().Post("1")
	})
}
