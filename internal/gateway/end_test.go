package gateway

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// A stop waits for HandleDisconnect, also of a client whose connection has ended before.
func TestStopWaitsForHandleDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, calls := make(chan struct{}), 0
		d := &testGateway{leave: func(context.Context, websockets.Client, websockets.Reason) { calls++; <-release }}
		k := newTestRuntime(t, d)
		k.dial().sess.Closed(websockets.Reason{Cause: websockets.CauseTransportClose})
		synctest.Wait()
		stopped := false
		go func() { k.stop(); stopped = true }()
		synctest.Wait()
		if stopped || calls != 1 {
			t.Errorf("stopped %t, HandleDisconnect called %d times", stopped, calls)
		}
		close(release)
		synctest.Wait()
		if !stopped || calls != 1 {
			t.Errorf("stopped %t, HandleDisconnect called %d times", stopped, calls)
		}
	})
}

// HandleDisconnect waits for Background handlers, and runs once.
func TestHandleDisconnectAfterBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, left := make(chan struct{}), 0
		d := &testGateway{
			leave: func(context.Context, websockets.Client, websockets.Reason) { left++ },
			subs: []websockets.Subscription{websockets.Listen("work", func(context.Context, int) error {
				<-release
				return nil
			}, websockets.Background(2))},
		}
		k := newTestRuntime(t, d)
		p := k.dial()
		p.ask("work", "1")
		p.ask("work", "2")
		synctest.Wait()
		p.sess.Closed(websockets.Reason{Cause: websockets.CauseTransportClose})
		synctest.Wait()
		if left != 0 {
			t.Errorf("HandleDisconnect ran %d times while handlers run", left)
		}
		close(release)
		synctest.Wait()
		if left != 1 {
			t.Errorf("HandleDisconnect ran %d times", left)
		}
	})
}

// leaver is a gateway without HandleConnection.
type leaver struct{ left []websockets.Cause }

func (l *leaver) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	l.left = append(l.left, r.Cause)
}

// A gateway without HandleConnection counts as one that accepts every client: HandleDisconnect
// runs, except for those that a gateway before it has refused.
func TestHandleDisconnectWithoutHandleConnection(t *testing.T) {
	for _, refused := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			before, after := &leaver{}, &leaver{}
			k := newRuntimeOf(t, nil, []any{before, &testGateway{connect: func(context.Context, websockets.Client) error {
				if refused {
					return errors.New("no rows")
				}
				return nil
			}}, after})
			k.dial().sess.Closed(websockets.Reason{Cause: websockets.CauseClientDisconnect})
			synctest.Wait()
			if n := len(before.left); n != 1 {
				t.Errorf("refused %t: the first gateway had %d calls, want 1", refused, n)
			}
			if want := map[bool]int{false: 1, true: 0}[refused]; len(after.left) != want {
				t.Errorf("refused %t: the last gateway had %d calls, want %d", refused, len(after.left), want)
			}
		})
	}
}

// A client that leaves, or a stop, while HandleConnection runs keeps its cause whatever
// HandleConnection returns then. That it returns the error of its context is no failure.
func TestReasonWhenHandleConnectionFailsAfterTheEnd(t *testing.T) {
	ends := map[websockets.Cause]func(k *testRuntime, p *peer){
		websockets.CauseTransportClose: func(_ *testRuntime, p *peer) {
			p.sess.Closed(websockets.Reason{Cause: websockets.CauseTransportClose})
		},
		websockets.CauseShutdown: func(k *testRuntime, _ *peer) { go k.stop() },
	}
	for cause, end := range ends {
		for _, withContext := range []bool{false, true} {
			if withContext && cause == websockets.CauseShutdown {
				continue // the context ends at the deadline only
			}
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var got []websockets.Cause
				k := newTestRuntime(t, &testGateway{
					connect: func(ctx context.Context, _ websockets.Client) error {
						<-release
						if withContext {
							return context.Cause(ctx)
						}
						return errors.New("no rows")
					},
					leave: func(_ context.Context, _ websockets.Client, r websockets.Reason) { got = append(got, r.Cause) },
				})
				end(k, k.dial())
				synctest.Wait()
				close(release)
				synctest.Wait()
				if len(got) != 1 || got[0] != cause {
					t.Errorf("causes %q, want %q", got, cause)
				}
				if logged := strings.Contains(k.log.String(), "level=ERROR"); logged == withContext {
					t.Errorf("with the error of the context %v, an error logged %v:\n%s", withContext, logged, k.log)
				}
			})
		}
	}
}

// A handler that returns the error of another client's connection answers its own caller.
func TestErrorOfAnotherClientIsAnswered(t *testing.T) {
	for _, err := range []error{websockets.ErrClosed, websockets.ErrQueueFull} {
		synctest.Test(t, func(t *testing.T) {
			d := &testGateway{subs: []websockets.Subscription{
				websockets.On("relay", func(context.Context, int) (bool, error) { return false, err }),
			}}
			p := newTestRuntime(t, d).dial()
			p.ask("relay", "1")
			synctest.Wait()
			if got := strings.Join(p.got(), "\n"); !strings.Contains(got, "Internal server error") {
				t.Errorf("%v is answered %q", err, got)
			}
		})
	}
}
