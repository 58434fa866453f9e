package recovery_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// withClient starts a stage with one client, and returns it as the server sees it.
func withClient(t *testing.T, w ways.Way) (*client, websockets.Client) {
	t.Helper()
	connected := make(chan websockets.Client, 10)
	s := newStage(t, w, &socketio.Recovery{}, stage.OnConnect(func(_ context.Context, c websockets.Client) error {
		connected <- c
		return c.Join(c.ID())
	}))
	c := connect(t, s, w)
	return c, <-connected
}

// volatile sends a volatile event, and reads it: a polling client must have a poll waiting meanwhile.
func (c *client) volatile(to websockets.Client, data any, opts ...websockets.EmitOption) {
	c.l.T.Helper()
	opts = append(opts, websockets.Volatile())
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.next()
	}()
	c.s.Wait("a volatile event is sent", func() bool { return to.Emit(context.Background(), "cursor", data, opts...) == nil })
	<-read
}

// TestField_X35_VolatileEvents: Volatile events whose last argument is a text, or that have none, do not break the
// recovery of their client, which takes that text for its offset: it receives what it missed, once.
func TestField_X35_VolatileEvents(t *testing.T) {
	each(t, func(t *testing.T, w ways.Way) {
		for name, v := range map[string]struct {
			data any
			opts []websockets.EmitOption
		}{
			"a text":              {"here", nil},
			"an offset":           {"1", nil},
			"no argument":         {websockets.Payload{}, nil},
			"a number":            {1, nil},
			"binary":              {[]byte("binary"), nil},
			"several texts":       {[]string{"one", "two"}, []websockets.EmitOption{websockets.Spread()}},
			"texts without array": {[]string{"one", "two"}, nil},
		} {
			if name == "binary" && w.Polling {
				continue // attachments are packets of their own there
			}
			t.Run(name, func(t *testing.T) {
				c, to := withClient(t, w)
				c.emit("first")
				c.want("first")
				if name == "binary" {
					c.s.Wait("it is sent", func() bool { return to.Emit(t.Context(), "cursor", v.data, websockets.Volatile()) == nil })
					c.l.Want("451-")
					if got, err := c.l.WS.Next(); err != nil || got.Payload != "binary" {
						t.Fatalf("got %v, %v", got, err)
					}
				} else {
					c.volatile(to, v.data, v.opts...)
				}
				c.cut()
				c.emit("second")
				c.emit("third")
				c = c.back(true, "second", "third")
				c.cut()
				c.emit("fourth")
				c.back(true, "fourth")
			})
		}
	})
}

// TestField_X35_OnlyVolatileEvents: A client that has received volatile events only is recovered with what it missed.
func TestField_X35_OnlyVolatileEvents(t *testing.T) {
	each(t, func(t *testing.T, w ways.Way) {
		c, to := withClient(t, w)
		c.volatile(to, "here")
		c.cut()
		c.emit("first")
		c.back(true, "first")
	})
}

// TestField_X35_VolatileBetween: A client that lost its connection right after a volatile event between two others
// receives the second one and not the first; a volatile event that it missed is not sent again.
func TestField_X35_VolatileBetween(t *testing.T) {
	each(t, func(t *testing.T, w ways.Way) {
		if w.Polling {
			t.Log("volatile events that wait for no poll are dropped")
			return
		}
		c, to := withClient(t, w)
		c.emit("first")
		c.want("first")
		c.volatile(to, "here")
		c.emit("second") // sent, but the client has lost its connection
		c.s.Wait("it is sent", func() bool { return to.Emit(t.Context(), "cursor", "there", websockets.Volatile()) == nil })
		c.cut()
		c.emit("third")
		c.back(true, "second", "third")
	})
}

// TestField_X35_CallsDoNotCount: A call, which is not saved, with a text as last argument does not change the offset,
// and has none itself: the client is recovered without the call, and with what it missed before and after it.
func TestField_X35_CallsDoNotCount(t *testing.T) {
	each(t, func(t *testing.T, w ways.Way) {
		c, to := withClient(t, w)
		c.emit("first")
		c.want("first")
		answered := make(chan error, 1)
		go func() {
			_, err := to.Call(context.Background(), "question", "a text")
			answered <- err
		}()
		packet, _ := c.l.Read()
		if !strings.HasSuffix(packet, `["question","a text"]`) {
			t.Fatalf("got %q", packet)
		}
		c.l.Send("43" + strings.TrimSuffix(strings.TrimPrefix(packet, "42"), `["question","a text"]`) + "[]")
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		c.cut()
		c.emit("second")
		c.back(true, "second")
	})
}
