package sendqueue_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func gunzip(s string) (string, error) {
	z, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(z)
	return string(b), err
}

// noise returns a text that does not compress.
func noise(n int) string {
	var b bytes.Buffer
	for b.Len() < n {
		_ = b.WriteByte(byte(rand.Uint32()))
	}
	return base64.RawStdEncoding.EncodeToString(b.Bytes())[:n]
}

// answering has the event "big", which is answered with a text of so many bytes.
func answering(size int) stage.Option {
	return answeringAt(size, func() {})
}

// answeringAt calls asked before each answer.
func answeringAt(size int, asked func()) stage.Option {
	text := noise(size)
	return stage.Handle(websockets.On("big", func(context.Context, int) (string, error) {
		asked()
		return text, nil
	}))
}

// number returns the number of an answer; false for anything else.
func number(message string) (n int, ok bool) {
	for _, form := range []string{`{"id":%d,`, `43%d[`} {
		if _, err := fmt.Sscanf(message, form, &n); err == nil {
			return n, true
		}
	}
	return 0, false
}

// wantAnswers reads until the answers from 0 to n-1 have arrived, each once.
func wantAnswers(t *testing.T, s *stage.Stage, c client, n, size int) {
	t.Helper()
	had := map[int]bool{}
	for len(had) < n {
		messages, err := c.next()
		if err != nil {
			t.Fatalf("after %d of %d answers: %v; reasons %v", len(had), n, err, s.Reasons())
		}
		for _, m := range messages {
			i, ok := number(m)
			if !ok || had[i] || i >= n || len(m) < size {
				t.Fatalf("got %d bytes, %.100q, after %d answers", len(m), m, len(had))
			}
			had[i] = true
		}
	}
}

// asking sends the questions while the test reads.
func asking(t *testing.T, c client, event string, n int) {
	t.Helper()
	var asked sync.WaitGroup
	asked.Go(func() {
		if err := c.ask(event, 0, n); err != nil {
			t.Errorf("asking: %v", err)
		}
	})
	t.Cleanup(asked.Wait)
}

// TestField_X33_SnapshotInHandleConnection: HandleConnection sends every client 1.3 MB of events, more than a send
// queue of 1 MiB holds: ten of ten clients get all of it, and none is closed.
func TestField_X33_SnapshotInHandleConnection(t *testing.T) {
	const clients, pieces, size = 10, 130, 10_000
	text := noise(size)
	snapshot := stage.OnConnect(func(_ context.Context, c websockets.Client) error {
		for range pieces {
			if err := c.Emit(t.Context(), "piece", text); err != nil {
				return err
			}
		}
		return nil
	})
	each(t, ways(), websockets.Limits{}, func(t *testing.T, w way, s *stage.Stage) {
		var all sync.WaitGroup
		for range clients {
			c := w.enter(t, s.Addr)
			all.Go(func() {
				for had := 0; had < pieces; {
					messages, err := c.next()
					if err != nil {
						t.Errorf("after %d of %d pieces: %v", had, pieces, err)
						return
					}
					had += len(messages)
				}
			})
		}
		all.Wait()
		if r := s.Reasons(); len(r) > 0 {
			t.Errorf("clients were closed: %v", r)
		}
	}, snapshot)
}

// TestField_X33_AnswersWait: A client asks 300 questions at once, and each answer has 10 kB: 3 MB, three times the
// size of a send queue; all are answered, because the next question is not started while the queue is over half full.
func TestField_X33_AnswersWait(t *testing.T) {
	const questions, size = 300, 10_000
	each(t, ways(), websockets.Limits{}, func(t *testing.T, w way, s *stage.Stage) {
		c := w.enter(t, s.Addr)
		asking(t, c, "big", questions)
		wantAnswers(t, s, c, questions, size)
		if r := s.Reasons(); len(r) > 0 {
			t.Errorf("closed: %v", r)
		}
	}, answering(size))
}

// hurried has short timeouts, so that a slow connection is slower than any of them: 64 KiB take 320 ms at 200 kB/s,
// and the kernel holds some 100 KiB more. Over polling a client has PingInterval and PingTimeout for an answer of 128
// KiB.
var hurried = websockets.Limits{
	SendQueue: 64 << 10, SendStall: 200 * time.Millisecond,
	PingInterval: 1200 * time.Millisecond, PingTimeout: 300 * time.Millisecond,
}

const slowRate = 2000 // bytes in 10 ms

// TestField_X33_SlowLine: A client on a slow connection asks 30 questions whose answers have 20 kB each, nine times
// the size of its queue; as long as it reads it is not closed, and gets every answer. It needs longer for a piece of
// the data than any timeout, and its heartbeats wait behind the data.
func TestField_X33_SlowLine(t *testing.T) {
	const questions, size = 30, 20_000
	each(t, ways(), hurried, func(t *testing.T, w way, s *stage.Stage) {
		c := w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(8<<10))
		c.slow(slowRate)
		asking(t, c, "big", questions)
		wantAnswers(t, s, c, questions, size)
		if r := s.Reasons(); len(r) > 0 {
			t.Errorf("closed: %v", r)
		}
	}, answering(size))
}

// TestField_X33_SlowLineEvents: A client on a slow connection is sent 600 kB of events at once, nine times the size
// of its queue; as long as it reads it is not closed, and gets every event.
func TestField_X33_SlowLineEvents(t *testing.T) {
	const pieces, size = 30, 20_000
	text := noise(size)
	each(t, ways(), hurried, func(t *testing.T, w way, s *stage.Stage) {
		c := w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(8<<10))
		c.slow(slowRate)
		s.Wait("it is connected", func() bool { return s.Server.Local().Len() == 1 })
		for range pieces {
			if err := s.Server.Emit(t.Context(), "piece", text); err != nil {
				t.Fatal(err)
			}
		}
		for had := 0; had < pieces; {
			messages, err := c.next()
			if err != nil {
				t.Fatalf("after %d of %d pieces: %v; reasons %v", had, pieces, err, s.Reasons())
			}
			had += len(messages)
		}
	})
}

// TestField_X33_TakesNothing: A client that reads no byte is closed with "queue overflow" after SendStall (polling:
// within ping interval and ping timeout), although nothing more is sent to it: if events over the limit are queued,
// and if only answers are.
func TestField_X33_TakesNothing(t *testing.T) {
	limits := websockets.Limits{
		SendQueue: 128 << 10, SendQueueMax: 16 << 20, SendStall: 500 * time.Millisecond, PingInterval: 300 * time.Millisecond, PingTimeout: 2 * time.Second,
	}
	const patience = 5 * time.Second // of the test: it takes a while to fill the kernel's buffers
	check := func(t *testing.T, w way, s *stage.Stage, started time.Time) {
		t.Helper()
		r := s.WantGone(1)[0]
		took, least := time.Since(started), limits.SendStall
		late := r.Cause != websockets.CauseQueueOverflow
		if w.polls { // it has not answered its heartbeat either
			least = limits.PingTimeout
			late = late && r.Cause != websockets.CausePingTimeout
		}
		if late || took < least || took > least+patience {
			t.Errorf("closed after %v: %v, want %q after %v", took, r, websockets.CauseQueueOverflow, least)
		}
	}
	t.Run("events", func(t *testing.T) {
		each(t, ways(), limits, func(t *testing.T, w way, s *stage.Stage) {
			_ = w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(4<<10))
			s.Wait("it is connected", func() bool { return s.Server.Local().Len() == 1 })
			text := noise(64 << 10)
			started := time.Now()
			for range 100 { // more than the kernel buffers
				if err := s.Server.Emit(t.Context(), "piece", text); err != nil {
					t.Fatal(err)
				}
			}
			check(t, w, s, started)
		})
	})
	for _, w := range ways() {
		t.Run("answers, "+w.name, func(t *testing.T) {
			t.Parallel()
			var started atomic.Int64 // when the first question was answered
			each(t, []way{w}, limits, func(t *testing.T, w way, s *stage.Stage) {
				c := w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(4<<10))
				questions := 200 // more than the kernel buffers, even compressed
				if w.polls {
					questions = 20
				}
				var asked sync.WaitGroup
				asked.Go(func() { _ = c.ask("big", 0, questions) }) // it may be closed meanwhile
				s.Wait("it is closed", func() bool { return len(s.Reasons()) > 0 })
				check(t, w, s, time.Unix(0, started.Load()))
				asked.Wait()
			}, answeringAt(64<<10, func() { started.CompareAndSwap(0, time.Now().UnixNano()) }))
		})
	}
}

// TestField_X33_HardBound: A client that reads nothing is sent more than SendQueueMax at once: it is closed at once,
// and the server holds no more than that.
func TestField_X33_HardBound(t *testing.T) {
	limits := websockets.Limits{SendQueue: 128 << 10, SendQueueMax: 1 << 20, SendStall: time.Minute}
	each(t, ways(), limits, func(t *testing.T, w way, s *stage.Stage) {
		_ = w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(4<<10))
		s.Wait("it is connected", func() bool { return s.Server.Local().Len() == 1 })
		text := noise(64 << 10)
		s.Wait("it is closed", func() bool {
			for range 20 {
				if err := s.Server.Emit(t.Context(), "piece", text); err != nil {
					t.Fatal(err)
				}
			}
			return len(s.Reasons()) > 0
		})
		if r := s.WantGone(1)[0]; r.Cause != websockets.CauseQueueOverflow {
			t.Errorf("reason %v", r)
		}
	})
}
