package client_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/client"
)

// A server that is there and says nothing keeps its client, one that is not loses it within PingInterval and PingTimeout.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		o := script(t, func(n int, ws *websocket.Conn) {
			if n == 1 {
				<-release // it does not even answer pings
				return
			}
			read(ws)
		})
		c := dial(t, scripted, o)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := Fail.Call(ctx, c, "x")
		wantErrors(t, err, client.ErrDisconnected, client.ErrUnanswered)
		if took := time.Since(start); took != 45*time.Second {
			t.Errorf("the loss is noticed after %v: %v", took, err)
		}
		if want := `client: call "fail": the connection was lost: the server is silent: no pong within PingTimeout: the server may have handled it`; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		close(release)
		_, err = Fail.Call(ctx, c, "x")
		wantErrors(t, err, client.ErrUnanswered, context.DeadlineExceeded)
		if took := time.Since(start); took != time.Hour || c.State() != client.Open {
			t.Errorf("after %v it is %v", took, c.State())
		}
	})
}

// While the handlers are slow, nothing is read, and a silent server is not dead.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connections := 0
		o := script(t, func(n int, ws *websocket.Conn) {
			connections = n
			for range 10 {
				write(t, ws, `{"event":"number","data":1}`)
			}
			read(ws)
		})
		o.Limits.Events = 1
		c := prepare(t, scripted, o)
		handled := make(chan int, 10)
		client.On(c, Number, func(context.Context, int) error {
			<-time.After(10 * time.Minute)
			handled <- 1
			return nil
		})
		connect(t, c)
		for range 10 {
			<-handled
		}
		synctest.Wait()
		if connections != 1 || c.State() != client.Open {
			t.Errorf("%d connections, %v", connections, c.State())
		}
	})
}

func TestNoPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		o := script(t, func(int, *websocket.Conn) { <-release })
		o.PingInterval = -1
		c := dial(t, scripted, o)
		pass(time.Hour)
		if c.State() != client.Open {
			t.Errorf("it is %v", c.State())
		}
		close(release)
	})
}
