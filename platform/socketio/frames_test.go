package socketio

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// text returns a text for n, with a length for n: some are longer than the initial buffer of
// a frame.
func text(n int) string {
	word := strconv.Itoa(n) + "-"
	return strings.Repeat(word, 1+n*7919%300)
}

// answering replies with the text of the number it is sent.
func answering(s *session) {
	s.onReceive = func(m *adapter.Message) {
		n, _ := strconv.Atoi(string(m.Payload.JSON))
		o := adapter.NewOutgoing("", text(n))
		o.Uncompressed = n%2 == 0
		if err := s.conn.Reply(m, o); err != nil {
			s.messages <- err.Error()
		}
		if r, ok := m.Ref.(adapter.Releaser); ok { // as the framework does
			r.Release()
		}
	}
}

// asker checks every byte that it is answered.
type asker struct {
	t        *testing.T
	w        wire
	s        *session
	last     int
	expected map[int]bool
}

// ask sends a few questions at once.
func (a *asker) ask(questions int) {
	packets := make([]string, questions)
	for i := range packets {
		a.last++
		a.expected[a.last] = true
		packets[i] = fmt.Sprintf(`42%d["q",%d]`, a.last, a.last)
	}
	if p, ok := a.w.(*poller); ok {
		p.send(strings.Join(packets, "\x1e"))
		return
	}
	for _, p := range packets {
		a.w.send(p)
	}
}

// answers reads until everything is answered. Broadcasts come in between.
func (a *asker) answers() bool {
	for len(a.expected) > 0 {
		got := a.w.read()
		if rest, ok := strings.CutPrefix(got, `42["all","`); ok {
			word, _, _ := strings.Cut(rest, "-")
			n, _ := strconv.Atoi(word)
			if rest != text(n)+`"]` {
				a.t.Errorf("a broadcast is damaged: %.300q", got)
				return false
			}
			continue
		}
		id, _, _ := strings.Cut(got[min(2, len(got)):], "[")
		n, _ := strconv.Atoi(id)
		if !a.expected[n] || got != fmt.Sprintf(`43%d["%s"]`, n, text(n)) {
			a.t.Errorf("an answer is damaged: %.300q", got)
			return false
		}
		delete(a.expected, n)
	}
	return true
}

// The memory of replies is reused and that of broadcasts is shared: neither changes before
// it was sent to all clients.
func TestMemoryIsNotUsedTwice(t *testing.T) {
	const clients, rounds, questions = 2, 60, 5
	r := newTestServer(t, Options{Compression: CompressionEach}, preparing(answering), with(func(l *websockets.Limits) {
		l.SendQueue, l.PingInterval = 30_000, time.Hour // the clients expect no ping
	}))
	kinds := []func(*asker){
		func(a *asker) { a.w = r.poller() },
		func(a *asker) { a.w = r.peer() },
		func(a *asker) { a.w = r.poller() }, // and upgrades
		func(a *asker) { a.w = r.peer("Sec-WebSocket-Extensions", offer) },
	}
	var work sync.WaitGroup
	stop := make(chan struct{})
	var sessions []*session
	for i := range clients * len(kinds) {
		a := &asker{t: t, last: i * 100_000, expected: map[int]bool{}}
		kinds[i%len(kinds)](a)
		_, a.s = r.enter(a.w, "")
		sessions = append(sessions, a.s)
		work.Go(func() {
			for round := range rounds {
				a.ask(1 + rand.IntN(questions))
				if p, ok := a.w.(*poller); ok && i%len(kinds) == 2 && round == rounds/2 { // with answers waiting
					w, _ := r.handshake(overWebSocket + "&sid=" + p.sid)
					w.send("2probe")
					want(t, w, "3probe")
					w.send("5")
					a.w = w
				}
				if !a.answers() {
					return
				}
			}
			if len(a.s.messages) > 0 {
				t.Errorf("a reply failed: %s", <-a.s.messages)
			}
		})
	}
	now, cancel := context.WithCancel(t.Context())
	cancel()
	var shouting sync.WaitGroup
	shouting.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			o := adapter.NewOutgoing("all", text(n))
			o.Overflow = websockets.OverflowDropNewest // answers may have filled the queue since it was writable
			for _, s := range sessions {
				if s.conn.Writable(now) == nil { // room is left for answers
					_ = s.conn.Emit(o, 0)
				}
			}
			runtime.Gosched()
		}
	})
	work.Wait()
	close(stop)
	shouting.Wait()
}

// The pool reuses a freed frame at once: it must not be freed before it was sent.
func TestFreedFramesAreReused(t *testing.T) {
	r := newTestServer(t, Options{}, preparing(answering), with(func(l *websockets.Limits) { l.SendQueue = 1 << 20 }))
	p := r.peer()
	_, s := r.enter(p, "")
	a := &asker{t: t, w: p, s: s, expected: map[int]bool{}}
	a.ask(50)
	for n := range 2000 { // frames from the pools overwrite what was freed
		f, buf := wsconn.OnceFrame(1, n)
		buf = append(buf, strings.Repeat("#", 400)...)
		f.SealOnce(true, buf, 0)
		f.Free()
	}
	a.answers()
}
