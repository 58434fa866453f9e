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
	"github.com/gatehouse-go/gatehouse/internal/testkit"
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

// readAnswers reads until the answers from 0 to n-1 have arrived, each once.
func readAnswers(c client, n, size int) error {
	had := map[int]bool{}
	for len(had) < n {
		messages, err := c.next()
		if err != nil {
			return fmt.Errorf("after %d of %d answers: %w", len(had), n, err)
		}
		for _, m := range messages {
			i, ok := number(m)
			if !ok || had[i] || i >= n || len(m) < size {
				return fmt.Errorf("got %d bytes, %.100q, after %d answers", len(m), m, len(had))
			}
			had[i] = true
		}
	}
	return nil
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
		if err := readAnswers(c, questions, size); err != nil {
			t.Fatalf("%v; reasons %v", err, s.Reasons())
		}
		if r := s.Reasons(); len(r) > 0 {
			t.Errorf("closed: %v", r)
		}
	}, answering(size))
}

// hurried has short timeouts, so that a slow connection is slower than any of them: 256 KiB take 1.3 s at 200 kB/s,
// and the kernel holds some 100 KiB more. Over polling a client has PingInterval and PingTimeout for an answer of 128
// KiB. They are long enough for a client that a busy machine stops for a moment.
var hurried = websockets.Limits{
	SendQueue: 256 << 10, SendStall: 800 * time.Millisecond,
	PingInterval: 4800 * time.Millisecond, PingTimeout: 1200 * time.Millisecond,
}

const slowRate = 2000 // bytes in 10 ms

// attempts is how often a slow client is tried: a busy machine may stop it for longer than the timeouts.
const attempts = 4

// TestField_X33_SlowLine: A client on a slow connection asks 80 questions whose answers have 20 kB each, six times
// the size of its queue; as long as it reads it is not closed, and gets every answer. It needs longer for a piece of
// the data than any timeout, and its heartbeats wait behind the data.
func TestField_X33_SlowLine(t *testing.T) {
	const questions, size = 80, 20_000
	each(t, ways(), hurried, func(t *testing.T, w way, s *stage.Stage) {
		slowly(t, w, s, slowRate, func(c client) error {
			var asked sync.WaitGroup
			defer asked.Wait()
			asked.Go(func() { _ = c.ask("big", 0, questions) }) // otherwise answers are missing
			return readAnswers(c, questions, size)
		})
	}, answering(size))
}

// slowly has a client that reads so many bytes in 10 ms do something, and fails the test if it is closed meanwhile, each time.
func slowly(t *testing.T, w way, s *stage.Stage, rate int, do func(c client) error) {
	t.Helper()
	for i := 1; ; i++ {
		before := len(s.Reasons())
		c := w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(8<<10))
		c.slow(rate)
		err := do(c)
		if err == nil && len(s.Reasons()) == before {
			return
		}
		if i == attempts {
			t.Fatalf("%v; reasons %v", err, s.Reasons())
		}
		t.Logf("again: %v; reasons %v", err, s.Reasons())
		s.Wait("it has left", func() bool { return s.Server.Local().Len() == 0 })
	}
}

// TestField_X33_SlowLineEvents: A client on a slow connection is sent 1.6 MB of events at once, six times the size
// of its queue; as long as it reads it is not closed, and gets every event.
func TestField_X33_SlowLineEvents(t *testing.T) {
	const pieces, size = 80, 20_000
	text := noise(size)
	each(t, ways(), hurried, func(t *testing.T, w way, s *stage.Stage) {
		slowly(t, w, s, slowRate, func(c client) error { return sendPieces(t, s, c, pieces, text) })
	})
}

// sendPieces sends events to the only client, which reads them.
func sendPieces(t *testing.T, s *stage.Stage, c client, pieces int, text string) error {
	t.Helper()
	s.Wait("it is connected", func() bool { return s.Server.Local().Len() == 1 })
	for range pieces {
		if err := s.Server.Emit(t.Context(), "piece", text); err != nil {
			return err
		}
	}
	for had := 0; had < pieces; {
		messages, err := c.next()
		if err != nil {
			return fmt.Errorf("after %d of %d pieces: %w", had, pieces, err)
		}
		had += len(messages)
	}
	return nil
}

// TestField_X33_SlowerThanProbes: A client whose kernel buffers little, and that reads 20 kB a second, so that the server's
// kernel probes its window, was cut off by the kernel after PingInterval and PingTimeout; it gets every event.
func TestField_X33_SlowerThanProbes(t *testing.T) {
	const pieces, size, rate = 10, 20_000, 200
	text := noise(size)
	limits := websockets.Limits{PingInterval: time.Second, PingTimeout: 3 * time.Second}
	for _, w := range ways() {
		if w.polls {
			continue
		}
		each(t, []way{w}, limits, func(t *testing.T, w way, s *stage.Stage) {
			slowly(t, w, s, rate, func(c client) error { return sendPieces(t, s, c, pieces, text) })
		})
	}
}

// TestField_X33_TakesNothing: A client that reads no byte is closed with "queue overflow" after SendStall (polling:
// within ping interval and ping timeout), although nothing more is sent to it: if events over the limit are queued,
// and if only answers are.
func TestField_X33_TakesNothing(t *testing.T) {
	const stall, interval, timeout = 500 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second
	limits := func(w way) websockets.Limits {
		l := websockets.Limits{SendQueue: 128 << 10, SendQueueMax: 16 << 20, SendStall: stall, PingInterval: time.Minute, PingTimeout: time.Minute}
		if w.polls {
			l.PingInterval, l.PingTimeout = interval, timeout
		}
		return l
	}
	const patience = testkit.Patience / 2 // of the test: it takes a while to fill the kernel's buffers
	// check is for a client that entered after a time, and was sent what it does not read from another time on.
	check := func(t *testing.T, w way, s *stage.Stage, entered, started time.Time) {
		t.Helper()
		r := s.WantGone(1)[0]
		now, least := time.Now(), stall
		late := r.Cause != websockets.CauseQueueOverflow
		if w.polls { // it has not answered its heartbeat either
			least = timeout
			late = late && r.Cause != websockets.CausePingTimeout
		}
		if late || now.Sub(entered) < least || now.Sub(started) > least+patience {
			t.Errorf("closed after %v: %v, want %q after %v", now.Sub(started), r, websockets.CauseQueueOverflow, least)
		}
	}
	t.Run("events", func(t *testing.T) {
		text := noise(64 << 10)
		for _, w := range ways() {
			each(t, []way{w}, limits(w), func(t *testing.T, w way, s *stage.Stage) {
				entered := time.Now()
				_ = w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(4<<10))
				s.Wait("it is connected", func() bool { return s.Server.Local().Len() == 1 })
				started := time.Now()
				for range 100 { // more than the kernel buffers
					if err := s.Server.Emit(t.Context(), "piece", text); err != nil {
						t.Fatal(err)
					}
				}
				check(t, w, s, entered, started)
			})
		}
	})
	for _, w := range ways() {
		t.Run("answers, "+w.name, func(t *testing.T) {
			t.Parallel()
			var started atomic.Int64 // when the first question was answered
			each(t, []way{w}, limits(w), func(t *testing.T, w way, s *stage.Stage) {
				entered := time.Now()
				c := w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(4<<10))
				questions := 200 // more than the kernel buffers, even compressed
				if w.polls {
					questions = 20
				}
				var asked sync.WaitGroup
				asked.Go(func() { _ = c.ask("big", 0, questions) }) // it may be closed meanwhile
				s.Wait("it is closed", func() bool { return len(s.Reasons()) > 0 })
				check(t, w, s, entered, time.Unix(0, started.Load()))
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
