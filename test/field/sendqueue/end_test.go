package sendqueue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X33_EndWhileAnswersWait: While the questions of a client that reads nothing wait for room in its queue,
// the client leaves, or the application stops: neither waits for the room, and HandleDisconnect runs.
func TestField_X33_EndWhileAnswersWait(t *testing.T) {
	limits := websockets.Limits{SendQueue: 64 << 10, SendStall: time.Hour, PingInterval: time.Minute, PingTimeout: time.Hour}
	for name, end := range map[string]func(*testing.T, *stage.Stage, client){
		"the client leaves": func(_ *testing.T, s *stage.Stage, c client) {
			switch c := c.(type) {
			case *socket:
				c.Reset()
			case *poller:
				_, _ = c.TryDo(c.PostBytes("1")) // while its POST waits: the session ends
			}
		},
		"the application stops": func(t *testing.T, s *stage.Stage, _ client) {
			t.Helper()
			ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
			defer cancel()
			started := time.Now()
			if err := s.App.App().Stop(ctx); err != nil {
				t.Errorf("after %v: %v", time.Since(started), err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, w := range ways() {
				t.Run(w.name, func(t *testing.T) {
					t.Parallel()
					asked := make(chan struct{}, 1000)
					each(t, []way{w}, limits, func(t *testing.T, w way, s *stage.Stage) {
						c := w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(4<<10))
						var asking sync.WaitGroup
						defer asking.Wait()
						asking.Go(func() { _ = c.ask("big", 0, 200) })
						handled, still := 0, 0
						s.Wait("the server has stopped reading", func() bool {
							if n := len(asked); n > handled {
								handled, still = n, 0
							} else if n > 0 {
								still++
							}
							return still > 10
						})
						if handled >= 200 {
							t.Error("all questions were answered")
						}
						end(t, s, c)
						if n := len(s.WantGone(1)); n != 1 {
							t.Errorf("HandleDisconnect ran %d times", n)
						}
					}, answeringAt(64<<10, func() { asked <- struct{}{} }))
				})
			}
		})
	}
}
