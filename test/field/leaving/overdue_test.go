package leaving_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X12_QueuedBehindAStuckHandler: CloseTimeout after a client has left, cleanly or not, the messages that wait
// behind a handler that ignores its context are dropped, and the log says so; none is started when the handler returns.
func TestField_X12_QueuedBehindAStuckHandler(t *testing.T) {
	onEach(t, func(t *testing.T, k kind) {
		for name, leave := range map[string]func(*client){
			"clean": func(c *client) { c.close(t) }, "FIN": func(c *client) { c.Abort() }, "RST": func(c *client) { c.Reset() },
		} {
			if k.name == "polling" && name != "clean" { // its POST is answered: no connection was cut
				continue
			}
			t.Run(name, func(t *testing.T) {
				release := make(chan struct{})
				var c counter
				s := k.stage(t, stage.Limits(websockets.Limits{CloseTimeout: 100 * time.Millisecond}), stage.Handle(
					websockets.Listen("ignore", func(ctx context.Context, _ int) error {
						_ = websockets.ClientFrom(ctx).Join("blocked")
						<-release
						return nil
					}),
					websockets.Listen("save", func(ctx context.Context, _ int) error {
						c.add(ctx.Err())
						return nil
					})))
				free := sync.OnceFunc(func() { close(release) })
				t.Cleanup(free)
				p := k.open(t, s.Addr)
				_ = p.send(append([]string{k.text("ignore", "1")}, repeat(k.text("save", "1"), 100)...)...)
				if k.name == "polling" {
					p.Answer()
				}
				s.Wait("the handler runs", func() bool { return blocked(s) })
				leave(p)
				s.Wait("the messages are dropped", func() bool { return strings.Contains(s.Log.String(), "messages of a client that has left are dropped") })
				s.Wait("the log names the handler", func() bool {
					_, line, _ := strings.Cut(s.Log.String(), "handlers still run after their client has left")
					return strings.Contains(line, `event \"ignore\" of gateway`)
				})
				free()
				s.WantGone(1)
				if got := c.live.Load() + c.ended.Load(); got != 0 {
					t.Errorf("%d messages were started after the client had left and CloseTimeout was over", got)
				}
			})
		}
	})
}

// TestField_X12_LeaveAndEnterAgain: A client that leaves its namespace while a handler runs that ignores its context,
// and enters it again on the same connection, may leave 100 behind; then CONNECT is refused until handlers have returned.
func TestField_X12_LeaveAndEnterAgain(t *testing.T) {
	const most = 100
	for _, w := range ways.With(socketio.Options{}, zishang.Options{}) {
		t.Run(w.Name, func(t *testing.T) {
			release := make(chan struct{})
			var running atomic.Int32
			s := w.Stage(t, stage.Handle(websockets.Listen("ignore", func(context.Context, int) error {
				running.Add(1)
				defer running.Add(-1)
				<-release
				return nil
			})))
			free := sync.OnceFunc(func() { close(release) })
			t.Cleanup(free)
			l := w.Dial(t, s)
			enter := func() string {
				l.Send("40")
				got, ok := l.Read()
				if !ok {
					t.Fatal("the connection has ended")
				}
				return got
			}
			for i := range most {
				if got := enter(); !strings.HasPrefix(got, "40{") {
					t.Fatalf("entry %d was answered %s", i+1, got)
				}
				l.Send(`42["ignore",1]`)
				s.Wait("the handler runs", func() bool { return running.Load() == int32(i+1) })
				l.Send("41")
			}
			if got := enter(); !strings.HasPrefix(got, "44{") || !strings.Contains(got, "former clients of this connection") || !strings.Contains(got, websockets.CodeTooManyTasks) {
				t.Errorf("entry %d was answered %s", most+1, got)
			}
			free()
			s.WantGone(most)
			if got := enter(); !strings.HasPrefix(got, "40{") {
				t.Errorf("the last entry was answered %s", got)
			}
		})
	}
}
