package leaving_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// patient has a CloseTimeout in which a busy machine handles all messages of a client that has left.
var patient = stage.Limits(websockets.Limits{CloseTimeout: 2 * testkit.Patience})

// database is a server that handlers query with their context.
func database(t *testing.T) (save func(context.Context) error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "saved") }))
	t.Cleanup(srv.Close)
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, http.NoBody)
		if err != nil {
			return err
		}
		resp, err := srv.Client().Do(r)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
}

// TestField_X11_SaveThenCloseThePage: Messages that a client sent before it closed cleanly, by a close frame or
// Engine.IO's close packet, are handled with a live context: database calls work.
func TestField_X11_SaveThenCloseThePage(t *testing.T) {
	onEach(t, func(t *testing.T, k kind) {
		save := database(t)
		var c counter
		s := k.stage(t, patient, stage.Handle(websockets.Listen("save", func(ctx context.Context, _ int) error {
			err := save(ctx)
			c.add(err)
			return err
		})))
		const n = 100
		p := k.open(t, s.Addr)
		_ = p.send(repeat(k.text("save", "1"), n)...)
		if k.name == "polling" {
			p.Answer() // its close packet would be a second concurrent POST
		}
		p.close(t)
		r := s.WantGone(1)
		if live := c.live.Load(); live != n {
			t.Errorf("%d of %d calls worked, %d failed; %v", live, n, c.ended.Load(), r)
		}
		if !r[0].Clean {
			t.Errorf("the reason %+v is not clean", r[0])
		}
	})
}

// TestField_X11_AfterACut: Messages that a client sent before its connection was cut are handled with a context that
// has ended.
func TestField_X11_AfterACut(t *testing.T) {
	onEach(t, func(t *testing.T, k kind) {
		var c counter
		if k.name == "polling" { // its POST is answered: no connection was cut
			return
		}
		s := k.stage(t, patient, waiting(), stage.Handle(websockets.Listen("save", func(ctx context.Context, _ int) error {
			c.add(ctx.Err())
			return nil
		})))
		const n = 100
		p := k.open(t, s.Addr)
		_ = p.send(append([]string{k.text("wait", "1")}, repeat(k.text("save", "1"), n)...)...)
		p.Abort()
		if r := s.WantGone(1); r[0].Clean {
			t.Errorf("the reason %+v is clean", r[0])
		}
		if got := c.live.Load() + c.ended.Load(); got != n || c.live.Load() != 0 {
			t.Errorf("of %d messages %d were started, %d with a live context", n, got, c.live.Load())
		}
	})
}

// TestField_X11_DropAfterClose: With DropAfterClose no message of a client that has closed is started.
func TestField_X11_DropAfterClose(t *testing.T) {
	onEach(t, func(t *testing.T, k kind) {
		var c counter
		s := k.stage(t, waiting(), stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond}),
			stage.Gateway(websockets.DropAfterClose()), stage.Handle(websockets.Listen("save", func(ctx context.Context, _ int) error {
				c.add(ctx.Err())
				return nil
			})))
		p := k.open(t, s.Addr)
		_ = p.send(append([]string{k.text("wait", "1")}, repeat(k.text("save", "1"), 100)...)...)
		if k.name == "polling" {
			p.Answer()
		}
		p.close(t)
		s.WantGone(1)
		if got := c.live.Load() + c.ended.Load(); got != 0 {
			t.Errorf("%d messages were started after the client had closed", got)
		}
	})
}
