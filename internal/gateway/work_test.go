package gateway

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// put sends a message and returns the work that it brought.
func (p *peer) put(event, json string) adapter.Work {
	return p.sess.Receive(&adapter.Message{Event: event, Payload: websockets.Payload{JSON: []byte(json)}, Reply: true, Ref: event})
}

func echoGateway(opts ...websockets.HandlerOption) *testGateway {
	return &testGateway{subs: []websockets.Subscription{websockets.On("echo", func(_ context.Context, n int) (int, error) { return n, nil }, opts...)}}
}

func TestReceiveReturnsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestRuntime(t, echoGateway()).dial()
		first := p.put("echo", "1")
		work := p.put("echo", "2")
		if work != first {
			t.Error("messages of one session bring different work")
		}
		synctest.Wait()
		p.want(t)
		work.Run()
		p.want(t, "reply echo 1", "reply echo 2") // when Run has returned
		work.Run()
		work.Start()
		synctest.Wait()
		p.want(t)
		p.put("echo", "3").Start()
		synctest.Wait()
		p.want(t, "reply echo 3")
		p.put("echo", "4")
		p.ask("echo", "5") // its work includes the other
		synctest.Wait()
		p.want(t, "reply echo 4", "reply echo 5")
	})
}

// Messages are handled also when the client leaves before their work is run.
func TestWorkAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan struct{}, 1)
		d := echoGateway()
		d.leave = func(context.Context, websockets.Client, websockets.Reason) { left <- struct{}{} }
		p := newTestRuntime(t, d).dial()
		p.put("echo", "1")
		p.sess.Closed(websockets.Reason{})
		<-left
		p.want(t, "reply echo 1")
	})
}

func TestNoWorkBeforeHandleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := echoGateway()
		d.connect = func(context.Context, websockets.Client) error { <-release; return nil }
		p := newTestRuntime(t, d).dial()
		if p.put("echo", "1") != nil {
			t.Error("a message that waits for HandleConnection brings work")
		}
		synctest.Wait()
		p.want(t)
		close(release)
		synctest.Wait()
		p.want(t, "reply echo 1")
	})
}

func TestWorkWithConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		meet := make(chan struct{})
		d := &testGateway{subs: []websockets.Subscription{websockets.On("meet", func(context.Context, int) (int, error) {
			select {
			case meet <- struct{}{}:
			case <-meet:
			}
			return 0, nil
		})}}
		p := newTestRuntime(t, d, websockets.Concurrency(2)).dial()
		p.put("meet", "1")
		p.put("meet", "2").Run()
		synctest.Wait()
		p.want(t, "reply meet 0", "reply meet 0")
	})
}

// A call from a handler makes the adapter read on.
func TestCallYields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{subs: []websockets.Subscription{websockets.On("ask", func(ctx context.Context, _ int) (int, error) {
			p, err := websockets.ClientFrom(ctx).Call(ctx, "well", nil)
			if err != nil {
				return 0, err
			}
			var n int
			return n + 1, p.Decode(&n)
		})}}
		k := newTestRuntime(t, d)
		p := k.dial()
		y := &yielding{peer: p}
		p.client().conn = y
		work := p.put("ask", "1")
		done := make(chan struct{})
		go func() { defer close(done); work.Run() }()
		synctest.Wait()
		if y.yields != 1 {
			t.Errorf("yielded %d times", y.yields)
		}
		p.answer(t, "1")
		<-done
	})
}

type yielding struct {
	*peer

	yields int
}

func (y *yielding) Yield() { y.yields++ }
