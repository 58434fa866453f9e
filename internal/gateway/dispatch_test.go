package gateway

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func answerTo(event string) websockets.Subscription {
	return websockets.On(event, func(_ context.Context, n int) (int, error) { return n, nil })
}

func TestOnAnySeesEveryMessageFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		watch := func(who string) websockets.Subscription {
			return websockets.OnAny(func(ctx context.Context, event string, p websockets.Payload) {
				seen = append(seen, strings.Join([]string{who, websockets.ClientFrom(ctx).ID(), event, string(p.JSON)}, " "))
			})
		}
		first := &testGateway{subs: []websockets.Subscription{
			watch("a"),
			websockets.OnAny(func(_ context.Context, event string, _ websockets.Payload) {
				if event == "boom" {
					panic("boom")
				}
			}),
			websockets.On("known", func(_ context.Context, n int) (int, error) {
				seen = append(seen, "handled")
				return n, nil
			}),
			answerTo("boom"),
		}}
		k := newTestRuntimeOf(t, []*testGateway{first, {subs: []websockets.Subscription{watch("b")}}})
		p := k.dial()
		p.ask("known", "1")
		p.ask("unknown", "2")
		start(p.sess.Receive(&adapter.Message{Err: websockets.NewError("what is this?")}))
		p.ask("boom", "3")
		synctest.Wait()
		want := []string{
			"a peer-1 known 1", "b peer-1 known 1", "handled",
			"a peer-1 unknown 2", "b peer-1 unknown 2",
			"a peer-1 boom 3", "b peer-1 boom 3",
		}
		if !slices.Equal(seen, want) {
			t.Errorf("seen: %q", seen)
		}
		got := p.got()
		if len(got) != 4 || got[0] != "reply known 1" || !strings.Contains(got[1], websockets.CodeUnknownEvent) || got[3] != "reply boom 3" {
			t.Errorf("sent: %q", got)
		}
		if log := k.log.String(); strings.Count(log, "panic: boom") != 1 || !strings.Contains(log, "gateway=\"gateway 0\"") {
			t.Errorf("log: %s", log)
		}
		var kinds []websockets.Kind
		for g := range k.rt.Gateways() {
			for _, s := range g.Subscriptions {
				kinds = append(kinds, s.Kind)
			}
		}
		if !slices.Equal(kinds, []websockets.Kind{websockets.KindAny, websockets.KindAny, websockets.KindOn, websockets.KindOn, websockets.KindAny}) {
			t.Errorf("registry: %q", kinds)
		}
	})
}

// TestGoexit: a function of the user's may end its goroutine, as t.FailNow does.
func TestGoexit(t *testing.T) {
	exit := func(context.Context, int) (int, error) {
		runtime.Goexit()
		return 0, nil
	}
	for name, sub := range map[string]websockets.Subscription{
		"On":         websockets.On("exit", exit),
		"Background": websockets.On("exit", exit, websockets.Background(1)),
		"Listen":     websockets.Listen("exit", func(context.Context, int) error { runtime.Goexit(); return nil }),
		"Stream": websockets.Stream("exit", func(context.Context, int) iter.Seq2[websockets.Response[int], error] {
			return func(func(websockets.Response[int], error) bool) { runtime.Goexit() }
		}),
		"OnAny": websockets.OnAny(func(_ context.Context, event string, _ websockets.Payload) {
			if event == "exit" {
				runtime.Goexit()
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				left := 0
				d := &testGateway{subs: []websockets.Subscription{sub, answerTo("next")}}
				d.leave = func(context.Context, websockets.Client, websockets.Reason) { left++; runtime.Goexit() }
				k := newTestRuntime(t, d)
				p := k.dial()
				for range 2 { // of a Background too the place is free again
					p.ask("exit", "1")
					synctest.Wait()
					got := p.got()
					if len(got) != 2 || !strings.HasPrefix(got[0], `reply exit {"status":"error","message":"Internal server error"`) {
						t.Errorf("sent: %q", got)
					}
				}
				p.ask("next", "2")
				synctest.Wait()
				p.want(t, "reply next 2")
				if log := k.log.String(); strings.Count(log, "runtime.Goexit") != 2 {
					t.Errorf("log: %s", log)
				}
				k.stop()
				if left != 1 {
					t.Errorf("left %d times", left)
				}
			})
		})
	}
	t.Run("hooks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var left []string
			d := &testGateway{
				connect: func(context.Context, websockets.Client) error { runtime.Goexit(); return nil },
				leave: func(context.Context, websockets.Client, websockets.Reason) {
					left = append(left, "first")
					runtime.Goexit()
				},
				subs: []websockets.Subscription{answerTo("next")},
			}
			second := &testGateway{
				connect: func(context.Context, websockets.Client) error {
					t.Error("HandleConnection after a refusal")
					return nil
				},
				leave: func(context.Context, websockets.Client, websockets.Reason) { left = append(left, "second") },
			}
			k := newTestRuntimeOf(t, []*testGateway{d, second})
			p := k.dial()
			p.ask("next", "1")
			synctest.Wait()
			if got := p.got(); len(got) != 1 || !strings.HasPrefix(got[0], websockets.EventException) {
				t.Errorf("sent: %q", got)
			}
			if !slices.Equal(left, []string{"first"}) || len(k.rt.sessions) != 0 {
				t.Errorf("left: %q, %d clients are kept", left, len(k.rt.sessions))
			}
		})
	})
	t.Run("every HandleDisconnect", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			left := 0
			leave := func(context.Context, websockets.Client, websockets.Reason) { left++; runtime.Goexit() }
			k := newTestRuntimeOf(t, []*testGateway{{leave: leave}, {leave: leave}})
			k.dial().sess.Closed(websockets.Reason{})
			synctest.Wait()
			if left != 2 || len(k.rt.sessions) != 0 {
				t.Errorf("%d hooks ran, %d clients are kept", left, len(k.rt.sessions))
			}
		})
	})
	t.Run("OnConnected", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			connected := 0
			k := newTestRuntime(t, &testGateway{subs: []websockets.Subscription{answerTo("next")}}, websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
				h.OnConnected(func(websockets.Client) { runtime.Goexit() })
				h.OnConnected(func(websockets.Client) { connected++ })
				return nil
			}))
			p := k.dial()
			p.ask("next", "1")
			synctest.Wait()
			p.want(t, "reply next 1")
			p.sess.Closed(websockets.Reason{})
			synctest.Wait()
			if connected != 1 || len(k.rt.sessions) != 0 {
				t.Errorf("called %d times, %d clients are kept", connected, len(k.rt.sessions))
			}
		})
	})
	t.Run("Scoped", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			scoped := websockets.NewScoped(func(context.Context, websockets.Client) (int, error) { return 1, nil }, func(int) { runtime.Goexit() })
			k := newTestRuntime(t, &testGateway{connect: func(ctx context.Context, _ websockets.Client) error {
				_, err := scoped.Of(ctx)
				return err
			}})
			k.dial().sess.Closed(websockets.Reason{})
			synctest.Wait()
			if log := k.log.String(); len(k.rt.sessions) != 0 || !strings.Contains(log, "runtime.Goexit") {
				t.Errorf("%d clients are kept, log: %s", len(k.rt.sessions), log)
			}
		})
	})
	t.Run("NamespaceFunc", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k := newTestRuntime(t, &testGateway{}, websockets.NamespaceFunc("tenants", func(string) bool { runtime.Goexit(); return true }))
			if k.endpoint().Match("/ada") || !strings.Contains(k.log.String(), "NamespaceFunc has ended its goroutine") {
				t.Errorf("it matches, or the log is %s", k.log)
			}
		})
	})
	t.Run("Admit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k := newTestRuntime(t, &testGateway{}, websockets.Admit(func(context.Context, *websockets.Handshake) error { runtime.Goexit(); return nil }))
			if err := k.endpoint().Admit(t.Context(), k.handshake("/")); !errors.Is(err, errExited) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestBrokenRequestIsAnsweredUnderItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTestRuntime(t, &testGateway{subs: []websockets.Subscription{answerTo("next")}})
		p := k.dial()
		p.ask("next", "1")
		start(p.sess.Receive(&adapter.Message{Reply: true, Ref: 7, Err: &websockets.Error{Message: "No event", Code: websockets.CodeBadMessage}}))
		p.ask("next", "2")
		synctest.Wait()
		body := `{"status":"error","message":"No event","code":"bad_message"}`
		p.want(t, "reply next 1", "reply 7 "+body, websockets.EventException+" "+body, "reply next 2")
	})
}

// TestDroppedResponseStillAnswers: an ack never hangs.
func TestDroppedResponseStillAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		moved := websockets.NewEvent[int]("moved", websockets.Volatile(), websockets.Uncompressed())
		var asked []adapter.EmitOptions
		d := &testGateway{subs: []websockets.Subscription{
			websockets.On("one", func(context.Context, int) (websockets.Response[int], error) { return moved.Response(1), nil }),
			websockets.Stream("many", func(context.Context, int) iter.Seq2[websockets.Response[int], error] {
				return func(yield func(websockets.Response[int], error) bool) {
					_ = yield(moved.Response(1), nil) && yield(moved.Response(2), nil)
				}
			}),
		}}
		k := newTestRuntime(t, d)
		p := k.dial()
		p.emit = func(out *adapter.Outgoing, _ uint64) error {
			asked = append(asked, out.Options)
			return websockets.ErrQueueFull
		}
		p.ask("one", "1")
		p.ask("many", "1")
		synctest.Wait()
		p.want(t, "reply one ", "reply many ")
		if err := moved.Emit(t.Context(), p.client(), 3); !errors.Is(err, websockets.ErrQueueFull) {
			t.Errorf("Emit: %v", err)
		}
		if err := moved.Emit(t.Context(), d.Server, 4); err != nil {
			t.Errorf("broadcast: %v", err)
		}
		if len(asked) != 5 {
			t.Errorf("%d tries, want 5", len(asked))
		}
		for _, o := range asked {
			if !o.Volatile || !o.Uncompressed {
				t.Errorf("volatile %t, uncompressed %t", o.Volatile, o.Uncompressed)
			}
		}
	})
}

func TestReasonOfADisconnectAtTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dismissedBy, otherBy websockets.Cause // the hooks run side by side
		d := &testGateway{leave: func(_ context.Context, c websockets.Client, r websockets.Reason) {
			if c.ID() == "peer-1" {
				dismissedBy = r.Cause
			} else {
				otherBy = r.Cause
			}
		}}
		k := newTestRuntime(t, d)
		dismissed := k.dial()
		k.dial()
		dismissed.closed = &websockets.Reason{} // its close takes longer than the stop
		dismissed.client().Disconnect()
		k.stop()
		if dismissedBy != websockets.CauseServerDisconnect || otherBy != websockets.CauseShutdown {
			t.Errorf("reasons: %q and %q", dismissedBy, otherBy)
		}
	})
}
