package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Frames that the client does not know are ignored, and those after them are handled; a frame over MaxMessage ends the connection.
func TestUnknownFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connections := 0
		o := script(t, func(n int, ws *websocket.Conn) {
			connections = n
			if n == 1 {
				write(t, ws, "", "[]", "{}", "5", "not JSON", `{"event":5}`, `{"id":7}`, `{"id":"x","data":1}`, `{"event":"number","re":9}`,
					`{"event":"unknown"}`, `{"event":"exception","id":3}`, `{"event":"ask","id":true}`, `{"cancel":1}`)
				if err := ws.Write(context.Background(), websocket.MessageBinary, []byte(`{"v":2,"data":1,"event":"number"}`)); err != nil {
					t.Error(err)
				}
				write(t, ws, `{"event":"number","data":`+strings.Repeat(" ", 1000)+`2}`)
			}
			read(ws)
		})
		o.Limits.MaxMessage = 500
		c := prepare(t, scripted, o)
		var got []int
		client.On(c, Number, func(_ context.Context, n int) error { got = append(got, n); return nil })
		connect(t, c)
		pass(time.Minute)
		if len(got) != 1 || got[0] != 1 || connections != 2 || c.State() != client.Open {
			t.Errorf("%v over %d connections, %v", got, connections, c.State())
		}
	})
}

// The server's errors have another name, or a form of their own.
func TestOtherExceptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []string{`{"message":"no"}`, `{"code":"c"}`, `"text"`, ``, `{"error":5}`}
		o := script(t, func(_ int, ws *websocket.Conn) {
			for n, a := range answers {
				if a != "" {
					a = `,"data":` + a
				}
				if _, _, err := ws.Read(context.Background()); err != nil {
					return
				}
				write(t, ws, `{"event":"failure","id":`+string(rune('1'+n))+a+`}`)
			}
			read(ws)
		})
		o.ExceptionEvent = "failure"
		c := dial(t, scripted, o)
		const none = "The server has answered with an error that has no message"
		for i, want := range []string{"no", "c", none, none, none} {
			_, err := Fail.Call(t.Context(), c, "x")
			e, ok := errors.AsType[*websockets.Error](err)
			if !ok || e.Message != want || (e.Body != nil) != (i == 1 || i == 2 || i == 4) {
				t.Errorf("answer %d: %v: %+v", i, err, e)
			}
		}
	})
}

// While the server does not read, messages wait: Emit and Call do too, until their context ends.
func TestServerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var got []string
		o := script(t, func(_ int, ws *websocket.Conn) {
			<-release
			for {
				_, b, err := ws.Read(context.Background())
				if err != nil {
					return
				}
				got = append(got, string(b))
			}
		})
		o.Limits.Queued, o.PingInterval = 2, -1
		c := dial(t, scripted, o)
		for range 3 { // one is being written, two wait
			if err := Poke.Emit(t.Context(), c, "x"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		wantErrors(t, c.Emit(t.Context(), "other", 1), context.DeadlineExceeded)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := Fail.Call(ctx, c, "x")
		wantErrors(t, err, context.DeadlineExceeded)
		waits := make(chan error, 1)
		go func() { waits <- Poke.Emit(t.Context(), c, "y") }()
		synctest.Wait()
		close(release)
		if err := <-waits; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(got) != 4 || got[3] != `{"event":"poke","data":"y"}` {
			t.Errorf("the server has received %q", got)
		}
	})
}
