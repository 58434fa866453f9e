package websockets

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func answerTo(event string) Subscription {
	return On(event, func(_ context.Context, n int) (int, error) { return n, nil })
}

func TestOnAnySeesEveryMessageFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		watch := func(who string) Subscription {
			return OnAny(func(ctx context.Context, event string, p Payload) {
				seen = append(seen, strings.Join([]string{who, ClientFrom(ctx).ID(), event, string(p.JSON)}, " "))
			})
		}
		first := &desk{subs: []Subscription{
			watch("a"),
			OnAny(func(_ context.Context, event string, _ Payload) {
				if event == "boom" {
					panic("boom")
				}
			}),
			On("known", func(_ context.Context, n int) (int, error) {
				seen = append(seen, "handled")
				return n, nil
			}),
			answerTo("boom"),
		}}
		k := newRigOf(t, []*desk{first, {subs: []Subscription{watch("b")}}})
		p := k.dial()
		p.ask("known", "1")
		p.ask("unknown", "2")
		p.sess.Receive(&Message{Err: NewError("what is this?")})
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
		if len(got) != 4 || got[0] != "reply known 1" || !strings.Contains(got[1], CodeUnknownEvent) || got[3] != "reply boom 3" {
			t.Errorf("sent: %q", got)
		}
		if log := k.log.String(); strings.Count(log, "panic: boom") != 1 || !strings.Contains(log, "gateway=\"desk 0\"") {
			t.Errorf("log: %s", log)
		}
		var kinds []Kind
		for g := range k.rt.Gateways() {
			for _, s := range g.Subscriptions {
				kinds = append(kinds, s.Kind)
			}
		}
		if !slices.Equal(kinds, []Kind{KindAny, KindAny, KindOn, KindOn, KindAny}) {
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
	for name, sub := range map[string]Subscription{
		"On":         On("exit", exit),
		"Background": On("exit", exit, Background(1)),
		"Listen":     Listen("exit", func(context.Context, int) error { runtime.Goexit(); return nil }),
		"Stream": Stream("exit", func(context.Context, int) iter.Seq2[Response[int], error] {
			return func(func(Response[int], error) bool) { runtime.Goexit() }
		}),
		"OnAny": OnAny(func(_ context.Context, event string, _ Payload) {
			if event == "exit" {
				runtime.Goexit()
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				left := 0
				d := &desk{subs: []Subscription{sub, answerTo("next")}}
				d.leave = func(context.Context, Client, Reason) { left++; runtime.Goexit() }
				k := newRig(t, d)
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
			d := &desk{
				connect: func(context.Context, Client) error { runtime.Goexit(); return nil },
				leave:   func(context.Context, Client, Reason) { left = append(left, "first"); runtime.Goexit() },
				subs:    []Subscription{answerTo("next")},
			}
			second := &desk{
				connect: func(context.Context, Client) error { t.Error("HandleConnection after a refusal"); return nil },
				leave:   func(context.Context, Client, Reason) { left = append(left, "second") },
			}
			k := newRigOf(t, []*desk{d, second})
			p := k.dial()
			p.ask("next", "1")
			synctest.Wait()
			if got := p.got(); len(got) != 1 || !strings.HasPrefix(got[0], EventException) {
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
			leave := func(context.Context, Client, Reason) { left++; runtime.Goexit() }
			k := newRigOf(t, []*desk{{leave: leave}, {leave: leave}})
			k.dial().sess.Closed(Reason{})
			synctest.Wait()
			if left != 2 || len(k.rt.sessions) != 0 {
				t.Errorf("%d hooks ran, %d clients are kept", left, len(k.rt.sessions))
			}
		})
	})
	t.Run("Admit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k := newRig(t, &desk{}, Admit(func(context.Context, *Handshake) error { runtime.Goexit(); return nil }))
			if err := k.endpoint().Admit(t.Context(), k.handshake("/")); !errors.Is(err, errExited) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestBrokenRequestIsAnsweredUnderItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newRig(t, &desk{subs: []Subscription{answerTo("next")}})
		p := k.dial()
		p.ask("next", "1")
		p.sess.Receive(&Message{Reply: true, Ref: 7, Err: &Error{Message: "No event", Code: CodeBadMessage}})
		p.ask("next", "2")
		synctest.Wait()
		body := `{"status":"error","message":"No event","code":"bad_message"}`
		p.want(t, "reply next 1", "reply 7 "+body, EventException+" "+body, "reply next 2")
	})
}

// TestDroppedResponseStillAnswers: an ack never hangs.
func TestDroppedResponseStillAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		moved := NewEvent[int]("moved", Volatile(), Uncompressed())
		var asked []*Outgoing
		d := &desk{subs: []Subscription{
			On("one", func(context.Context, int) (Response[int], error) { return moved.Response(1), nil }),
			Stream("many", func(context.Context, int) iter.Seq2[Response[int], error] {
				return func(yield func(Response[int], error) bool) {
					_ = yield(moved.Response(1), nil) && yield(moved.Response(2), nil)
				}
			}),
		}}
		k := newRig(t, d)
		p := k.dial()
		p.emit = func(out *Outgoing, _ uint64) error {
			asked = append(asked, out)
			return ErrQueueFull
		}
		p.ask("one", "1")
		p.ask("many", "1")
		synctest.Wait()
		p.want(t, "reply one ", "reply many ")
		if err := moved.Emit(p.client(), 3); !errors.Is(err, ErrQueueFull) {
			t.Errorf("Emit: %v", err)
		}
		if err := moved.Emit(d.Server, 4); err != nil {
			t.Errorf("broadcast: %v", err)
		}
		if len(asked) != 5 {
			t.Errorf("%d tries, want 5", len(asked))
		}
		for _, out := range asked {
			if !out.Volatile || !out.Uncompressed {
				t.Errorf("volatile %t, uncompressed %t", out.Volatile, out.Uncompressed)
			}
		}
	})
}

func TestReasonOfADisconnectAtTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dismissedBy, otherBy Cause // the hooks run side by side
		d := &desk{leave: func(_ context.Context, c Client, r Reason) {
			if c.ID() == "peer-1" {
				dismissedBy = r.Cause
			} else {
				otherBy = r.Cause
			}
		}}
		k := newRig(t, d)
		dismissed := k.dial()
		k.dial()
		dismissed.closed = &Reason{} // its goodbye takes longer than the stop
		dismissed.client().Disconnect()
		k.stop()
		if dismissedBy != CauseServerDisconnect || otherBy != CauseShutdown {
			t.Errorf("reasons: %q and %q", dismissedBy, otherBy)
		}
	})
}
