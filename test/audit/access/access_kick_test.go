package audit_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestAudit_Kicks: a client that is disconnected from HandleConnection, from a handler of
// its own, from one of another client, of another namespace, or while it enters a second
// namespace, is told of HandleDisconnect once for each stay; after DisconnectAll nothing
// that it sends is handled and no way leads back in over that connection.
func TestAudit_Kicks(t *testing.T) {
	if os.Getenv("AUDIT_LONG") == "" { // it depends on who is first
		return
	}
	for _, all := range []bool{false, true} {
		kick := func(c websockets.Client) {
			if all {
				c.DisconnectAll()
			} else {
				c.Disconnect()
			}
		}
		each(t, fmt.Sprintf("all %t", all), socketIO, func(t *testing.T, w way) {
			var mu sync.Mutex
			there := map[string]websockets.Client{}
			entering := make(chan struct{}, 10)
			s := w.stage(t,
				stage.Gateway(websockets.Namespace("/{room}"), websockets.Admit(func(ctx context.Context, h *websockets.Handshake) error {
					if h.Namespace == "/slow" {
						entering <- struct{}{}
						<-ctx.Done()
						return nil // too late
					}
					return nil
				}), websockets.WithLimits(websockets.Limits{HandshakeTimeout: 3e8})),
				stage.OnConnect(func(_ context.Context, c websockets.Client) error {
					mu.Lock()
					there[c.Namespace()] = c
					mu.Unlock()
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
						mu.Lock()
						c := there[ns]
						mu.Unlock()
						kick(c)
						return 1, nil
					}),
				))
			for name, do := range map[string]func(l *line) *line{
				"hook": func(l *line) *line { l.send("40/hook,"); return nil },
				"own handler": func(l *line) *line {
					l.send("40/a,")
					l.want("40/a,")
					l.send(`42/a,1["kick me",{}]`, `42/a,["noop"]`, `42/a,["noop"]`)
					return nil
				},
				"other namespace": func(l *line) *line {
					l.send("40/a,")
					l.want("40/a,")
					l.send("40/b,")
					l.want("40/b,")
					l.send(`42/a,["kick","/b"]`)
					return nil
				},
				"while it enters": func(l *line) *line {
					l.send("40/a,")
					l.want("40/a,")
					l.send("40/slow,")
					<-entering
					l.send(`42/a,["kick","/a"]`)
					return nil
				},
				"another client": func(l *line) *line {
					l.send("40/a,")
					l.want("40/a,")
					other := w.dial(t, s)
					other.send("40/z,")
					other.want("40/z,")
					other.send(`42/z,7["kick","/a"]`)
					other.want("43/z,7")
					return other
				},
			} {
				if all && name == "while it enters" {
					continue // who is not in yet may not be found
				}
				l := w.dial(t, s)
				other := do(l)
				if !all {
					l.want("41/")
					if l.send("40/again,") {
						l.want("40/again,{") // as Socket.IO has it
					}
					l.leave()
				} else {
					events := s.Events()
					for l.send("40/again,", `42/again,["noop"]`, `42/a,["noop"]`) {
						p, ok := l.read()
						if !ok {
							break
						}
						if strings.HasPrefix(p, "40/again") {
							t.Errorf("%s: it is in again", name)
						}
					}
					if n := s.Events(); n != events {
						t.Errorf("%s: %d events were handled afterwards", name, n-events)
					}
				}
				if other != nil {
					other.send(`42/z,8["echo","still here"]`)
					other.want(`43/z,8["still here"]`)
					other.leave()
				}
				s.WantGone(1)
			}
		})
	}
}

// TestAudit_ConnectFlood: 3,000 CONNECT packets that nobody waits for, to namespaces that
// exist, that do not, that the client is in, and with DISCONNECT between them, end the
// connection or are bounded; others are served meanwhile.
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
			s := w.stage(t, stage.Gateway(websockets.Namespace("/r/{room}")))
			l := w.dial(t, s)
			var batch []string
			for i := range 3000 {
				if batch = append(batch, packet(i)...); len(batch) < 50 {
					continue
				}
				if l.poller != nil {
					_, _ = l.poller.TryDo(l.poller.PostBytes(strings.Join(batch, "\x1e")))
				} else {
					for _, p := range batch {
						_ = l.ws.TrySend(p)
					}
				}
				batch = nil
			}
			if n := s.Connects(); n > 130 {
				t.Errorf("%d entries", n)
			}
			other := w.dial(t, s)
			other.send("40/r/other,")
			other.want("40/r/other,{")
			other.leave()
			if l.ws != nil {
				l.ws.Reset()
			} else {
				_, _ = l.poller.TryDo(l.poller.PostBytes("1"))
			}
			s.WantGone(1)
		})
	}
}

// TestAudit_KickedWhileLeaving: clients that are kicked by another client at the moment
// at which they leave, enter again, or are cut are gone once.
func TestAudit_KickedWhileLeaving(t *testing.T) {
	each(t, "race", socketIO, func(t *testing.T, w way) {
		s := w.stage(t, stage.Gateway(websockets.Namespace("/{room}")))
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Server.Disconnect()
				}
			}
		})
		for i := range 60 {
			l := w.dial(t, s)
			if l.poller != nil {
				_, _ = l.poller.TryDo(l.poller.PostBytes("40/a,\x1e40/b,"))
				_, _ = l.poller.TryDo(l.poller.PostBytes("41/a,\x1e40/a,\x1e42/b,[\"noop\"]"))
				_, _ = l.poller.TryDo(l.poller.PostBytes("1"))
				continue
			}
			for _, p := range []string{"40/a,", "40/b,", "41/a,", "40/a,", `42/b,["noop"]`, "41/b,", "40/b,"} {
				_ = l.ws.TrySend(p)
			}
			if i%2 == 0 {
				l.ws.Reset()
			} else {
				l.ws.Close()
			}
		}
		close(stop)
		wg.Wait()
		s.WantGone(0)
		rawpeer.NewEngine(t, s.Addr).Poll().Post("1")
	})
}
