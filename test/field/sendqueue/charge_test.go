package sendqueue_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// inTurn is each without parallel tests, which would share the heap.
func inTurn(t *testing.T, limits websockets.Limits, f func(t *testing.T, w way, s *stage.Stage), opts ...stage.Option) {
	t.Helper()
	limits.CloseTimeout = 200 * time.Millisecond
	for _, w := range ways() {
		if w.tls {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			f(t, w, stage.New(t, w.adapter, append([]stage.Option{stage.Limits(limits)}, opts...)...))
		})
	}
}

// clog fills the kernel's buffers of a client that does not read, while the queue stays almost empty. Polling has no
// such buffers.
func clog(t *testing.T, s *stage.Stage, c websockets.Client) {
	t.Helper()
	text, refused := noise(32<<10), 0
	s.Wait("the kernel buffers no more", func() bool {
		for range 50 {
			if errors.Is(c.Emit(t.Context(), "fill", text, websockets.Volatile()), websockets.ErrQueueFull) {
				refused++
			}
		}
		return refused > 500
	})
}

const queue, other = 1 << 20, 1536 << 10 // other: the inbox, the message being written, buffers of the connection

// TestField_X04_ShortAnswers: A client that does not read asks 300,000 questions whose answers have a few bytes each.
// Its queue is charged for the memory of the answers, not for their bytes on the wire, so the process holds about as
// much as SendQueue, and the server stops reading from the client.
func TestField_X04_ShortAnswers(t *testing.T) {
	const questions = 300_000
	limits := websockets.Limits{SendQueue: queue, SendStall: time.Minute, PingTimeout: time.Minute}
	inTurn(t, limits, func(t *testing.T, w way, s *stage.Stage) {
		most := int64(queue + other)
		if strings.HasPrefix(w.name, "zishang") {
			most += 2 << 20 // its inbox, and what the library keeps of a packet
		}
		var handled int
		var grown int64
		for range 4 { // the heap has other memory, which differs by 2 MiB
			if handled, grown = askWithoutReading(t, w, s, questions); grown <= most {
				break
			}
		}
		if grown > most {
			t.Errorf("%d answers hold %d bytes, the queue has %d", handled, grown, queue)
		}
		if handled >= questions {
			t.Errorf("all %d questions were answered", handled)
		}
	})
}

// askWithoutReading has a client ask until the server stops reading from it. It returns how many questions were handled, and by how
// much the heap has grown.
func askWithoutReading(t *testing.T, w way, s *stage.Stage, questions int) (handled int, grown int64) {
	c := w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(4<<10))
	s.Wait("it is connected", func() bool { return s.Server.Local().Len() == 1 })
	if !w.polls {
		for c := range s.Server.Local().Clients() {
			clog(t, s, c)
		}
	}
	before, earlier := heap(), s.Events()
	var asked sync.WaitGroup
	asked.Go(func() {
		for n := 0; n < questions && c.ask("noop", n, n+2000) == nil; n += 2000 { // it is closed at the end
		}
	})
	still := 0
	s.Wait("the server has stopped reading", func() bool {
		if n := s.Events() - earlier; n > handled {
			handled, still = n, 0
		} else if n > 0 {
			still++
		}
		return still > 20
	})
	grown = heap() - before
	for c := range s.Server.Local().Clients() {
		c.Disconnect()
	}
	if p, ok := c.(*socket); ok {
		p.Reset()
	}
	asked.Wait()
	s.Wait("it has left", func() bool { return s.Server.Local().Len() == 0 })
	return handled, grown
}

// TestField_X04_ShortEvents: A client that does not read is sent short events, one by one and by broadcast, until its
// queue is full: they use about as much memory as the queue's limit.
func TestField_X04_ShortEvents(t *testing.T) {
	limits := websockets.Limits{SendQueue: queue, SendQueueMax: queue, SendStall: time.Minute, PingTimeout: time.Minute}
	for name, to := range map[string]func(*stage.Stage, websockets.Client) websockets.Emitter{
		"client":    func(_ *stage.Stage, c websockets.Client) websockets.Emitter { return c },
		"broadcast": func(s *stage.Stage, _ websockets.Client) websockets.Emitter { return s.Server },
	} {
		t.Run(name, func(t *testing.T) {
			inTurn(t, limits, func(t *testing.T, w way, s *stage.Stage) {
				_ = w.enter(t, s.Addr, rawpeer.WithReceiveBuffer(4<<10))
				s.Wait("it is connected", func() bool { return s.Server.Local().Len() == 1 })
				for c := range s.Server.Local().Clients() {
					if !w.polls {
						clog(t, s, c)
					}
					before, most, n := heap(), int64(0), 0
					for ; len(s.Reasons()) == 0; n++ {
						if n > 1_000_000 {
							t.Fatal("a million events are queued")
						}
						_ = to(s, c).Emit(t.Context(), "e", 1)
						if n%1000 == 999 && n < 20_000 {
							most = max(most, heap()-before)
						}
					}
					if most > queue+other {
						t.Errorf("%d events hold %d bytes, the queue has %d", n, most, queue)
					}
				}
			})
		})
	}
}
