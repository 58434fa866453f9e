package frames_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestCVE_2022_22971_V32_RoomsAndNamespaces: A client may be in MaxRooms rooms, 1,000 by default, and in
// MaxNamespaces namespaces; the next is refused, and the existing ones stay.
func TestCVE_2022_22971_V32_RoomsAndNamespaces(t *testing.T) {
	join := websockets.On("join", func(ctx context.Context, room string) (int, error) {
		c := websockets.ClientFrom(ctx)
		err := c.Join(room)
		return len(c.Rooms()), err
	})
	for _, most := range []int{1000, 10} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			more := []stage.Option{stage.Handle(join)}
			if most != 1000 {
				more = append(more, stage.Gateway(websockets.MaxRooms(most)))
			}
			lines(t, options{more: more}, func(t *testing.T, l *line) {
				p := l.open()
				in, refused := 0, 0
				for i := range most + 20 {
					if l.name == plain {
						p.Send(fmt.Sprintf(`{"event":"join","data":"room %d","id":1}`, i))
					} else {
						p.Send(fmt.Sprintf(`421["join","room %d"]`, i))
					}
					got := p.Text()
					if strings.HasPrefix(got, "431[{") { // an exception is sent in addition to the ack
						got += p.Text()
					}
					if strings.Contains(got, "error") {
						refused++
					} else {
						in++
					}
				}
				if in != most {
					t.Errorf("%d rooms were entered, want %d; %d refused", in, most, refused)
				}
				l.echo(p, "still in")
				p.Close()
				l.alive()
			})
		})
	}
	t.Run("namespaces", func(t *testing.T) {
		s := stage.New(t, socketio.New(socketio.Options{MaxNamespaces: 5}), stage.Gateway(websockets.Namespace("/n/{n}")),
			stage.Limits(websockets.Limits{CloseTimeout: 300 * time.Millisecond}))
		for _, way := range []string{byPolling, overWS} {
			e := rawpeer.NewEngine(t, s.Addr)
			var w rawpeer.Wire = e.Poll()
			if way == overWS {
				w = e.WebSocket()
			}
			for i := range 5 {
				rawpeer.Enter(t, w, fmt.Sprintf("/n/%d", i), "")
			}
			for range 3 {
				w.Send("40/n/more,")
				if got := w.Read(); !strings.HasPrefix(got, "44/n/more,{") {
					t.Errorf("%s: got %s", way, got)
				}
			}
			w.Abort()
		}
		s.WantGone(10)
	})
}
