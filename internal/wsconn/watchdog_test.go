package wsconn

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// task is a job of the test's.
type task struct{ work, start func() }

// jobWork is the work of a deferrer's messages: the next job.
type jobWork struct{ jobs chan task }

func (w *jobWork) Run()   { (<-w.jobs).work() }
func (w *jobWork) Start() { (<-w.jobs).start() }

// deferrer has a job for each message.
type deferrer struct {
	*pair

	jobs  chan task // one for each message
	where chan string
}

func newDeferrer(t *testing.T) *deferrer {
	t.Helper()
	d := &deferrer{pair: connect(t, nil), jobs: make(chan task, 200), where: make(chan string, 200)}
	d.owner.onMessage = func(msg []byte) error {
		d.owner.messages <- string(msg)
		return nil
	}
	d.owner.work = &jobWork{d.jobs}
	d.serve()
	return d
}

// unhurried lets no turn be too long: on a busy machine the quickest job may be interrupted for longer than the
// watchdog allows.
func (d *deferrer) unhurried() *deferrer {
	d.conn.cfg.Group.watchdog.awake.Store(true) // so that its goroutine is not started
	return d
}

// job adds one that notes where it was done.
func (d *deferrer) job(f func()) {
	d.jobs <- task{
		work:  func() { d.where <- "here"; f() },
		start: func() { d.where <- "elsewhere"; go f() },
	}
}

func (d *deferrer) say(texts ...string) {
	d.t.Helper()
	var b []byte
	for _, s := range texts {
		b = append(b, rawFrame(0x80|opText, []byte(s))...)
	}
	if _, err := d.Conn.Write(b); err != nil {
		d.t.Fatal(err)
	}
}

func (d *deferrer) done(want string) {
	d.t.Helper()
	if got := testkit.Receive(d.t, "a job", d.where); got != want {
		d.t.Errorf("done %s, want %s", got, want)
	}
}

func (d *deferrer) heard(want string) {
	d.t.Helper()
	if got := testkit.Receive(d.t, "a message", d.owner.messages); got != want {
		d.t.Errorf("heard %q, want %q", got, want)
	}
}

// Quick work runs on the reader, and what it sends goes out after it.
func TestWork(t *testing.T) {
	d := newDeferrer(t).unhurried()
	for range 3 {
		d.job(func() {
			d.push(message("one"))
			d.push(message("two"))
		})
		d.say("question")
		d.heard("question")
		d.done("here")
		d.want(0x80|opText, "one")
		d.want(0x80|opText, "two")
	}
}

// Slow work does not stop the reading, nor delay what it has sent.
func TestWorkTakesLong(t *testing.T) {
	d := newDeferrer(t)
	release := make(chan struct{})
	ended := make(chan struct{})
	d.job(func() {
		d.push(message("wait"))
		<-release
		d.push(message("thanks"))
		close(ended)
	})
	d.say("slow")
	d.heard("slow")
	d.done("here")
	d.want(0x80|opText, "wait")
	for range slowFor {
		d.job(func() {})
		d.say("quick")
		d.heard("quick")
		d.done("elsewhere") // a slow client may be slow again
	}
	close(release)
	testkit.Receive(t, "the end of the slow one", ended)
	d.want(0x80|opText, "thanks")
	d.job(func() {})
	d.say("quick")
	d.heard("quick")
	d.done("here")
}

// A client that leaves is noticed while its message is handled.
func TestWorkAndTheEnd(t *testing.T) {
	d := newDeferrer(t)
	release := make(chan struct{})
	d.job(func() { <-release })
	d.say("slow")
	d.heard("slow")
	_ = d.Conn.Close()
	if r := testkit.Receive(t, "the end", d.owner.ended); r.Cause == "" {
		t.Errorf("ended with %v", r)
	}
	close(release)
}

// Work that waits for the next message of the client receives it.
func TestYield(t *testing.T) {
	d := newDeferrer(t).unhurried()
	answered := make(chan string, 1)
	d.job(func() {
		d.heard("ask me")
		d.push(message("well?"))
		d.conn.Yield()
		d.conn.Yield() // nothing is left to do
		answered <- testkit.Receive(t, "the answer", d.owner.messages)
	})
	d.job(func() {})
	d.say("ask me")
	d.want(0x80|opText, "well?")
	d.say("yes")
	if got := testkit.Receive(t, "the end of the call", answered); got != "yes" {
		t.Errorf("answered %q", got)
	}
	d.done("here")
	d.done("elsewhere")
}

// A message is handled although the next one has arrived in part.
func TestHalfASuccessor(t *testing.T) {
	d := newDeferrer(t).unhurried()
	d.job(func() { d.push(message("at once")) })
	d.job(func() {})
	text := strings.Repeat("long", 1000)
	whole := rawFrame(0x80|opText, []byte("whole"))
	half := rawFrame(0x80|opText, []byte(text))
	if _, err := d.Conn.Write(append(whole, half[:2000]...)); err != nil {
		t.Fatal(err)
	}
	d.heard("whole")
	d.want(0x80|opText, "at once")
	testkit.Receive(t, "the job", d.where)
	if _, err := d.Conn.Write(half[2000:]); err != nil {
		t.Fatal(err)
	}
	d.heard(text)
	d.done("here")
}

// A client that never stops sending still gets its answers.
func TestWorkInAFlood(t *testing.T) {
	d := newDeferrer(t)
	var burst []string
	for range 3 * fairness {
		d.job(func() { d.push(message("answer")) })
		burst = append(burst, "question")
	}
	d.say(burst...)
	for range 3 {
		d.want(0x80|opText, "answer")
	}
}

func TestWorkEndsItsGoroutine(t *testing.T) {
	d := newDeferrer(t)
	d.job(runtime.Goexit)
	d.job(func() { d.push(message("still here")) })
	d.say("exit")
	d.heard("exit")
	d.say("are you there")
	d.heard("are you there")
	d.want(0x80|opText, "still here")
}

func TestWorkPanics(t *testing.T) {
	d := newDeferrer(t)
	d.job(func() { panic("crash") })
	d.say("crash")
	if r := testkit.Receive(t, "the end", d.owner.ended); r.Cause != websockets.CauseForcedClose {
		t.Errorf("ended with %v", r)
	}
}

// Slow and quick jobs by turns: no reader is lost, and never are there two.
func TestWorkHammer(t *testing.T) {
	const messages = 150
	for range 8 {
		d := newDeferrer(t)
		for i := range messages {
			d.job(func() {
				if i%10 == 0 {
					d.conn.Yield()
				}
				it := message("done")
				_ = d.queue.Push(it, it.Size(), outbox.Refuse) // the test may have ended
			})
		}
		go func() {
			for range messages {
				_, _ = d.Conn.Write(rawFrame(0x80|opText, []byte("go")))
			}
		}()
		for range messages {
			d.heard("go")
		}
	}
}

// Each connection has a slot of its own; a turn is stolen when two ticks have seen it, and not for one of a connection that
// had the slot before.
func TestTurnSlots(t *testing.T) {
	const conns = 600 // more than grow adds at a time
	d := &NewGroup("test", time.Second).watchdog
	d.awake.Store(true) // no goroutine
	tick := func() (late []*Conn) {
		for _, s := range d.all() {
			late = s.stealLate(s.running.Load(), late)
		}
		return late
	}
	taken := map[turnSlot]bool{}
	var all []*Conn
	for range conns {
		c := &Conn{framed: &framedConn{reading: new(reading)}}
		if turn := d.add(c); turn != 1 {
			t.Fatalf("turn %d", turn)
		}
		taken[c.framed.slot] = true
		all = append(all, c)
	}
	if len(taken) != conns {
		t.Fatalf("%d slots for %d connections", len(taken), conns)
	}
	if late := tick(); len(late) > 0 {
		t.Fatalf("%d turns are stolen at the first tick", len(late))
	}
	if !all[0].endTurn(1) || all[0].endTurn(1) {
		t.Fatal("a turn must end once")
	}
	slot := all[0].framed.slot
	d.leave(all[0])
	next := &Conn{framed: &framedConn{reading: new(reading)}}
	if d.add(next); next.framed.slot != slot {
		t.Fatal("a slot that is free must be taken again")
	}
	if late := tick(); len(late) != conns-1 || slices.Contains(late, next) {
		t.Fatalf("%d turns of %d are stolen, the new one: %t", len(late), conns-1, slices.Contains(late, next))
	}
	if late := tick(); len(late) != 1 || late[0] != next || d.busy() {
		t.Fatalf("%d turns are stolen at the next tick; more: %t", len(late), d.busy())
	}
}
