package wsconn

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// owner is the Handler of a connection.
type owner struct {
	onMessage func(msg []byte) error
	work      adapter.Work // that each message brings
	messages  chan string
	ended     chan websockets.Reason
}

func (o *owner) Message(_ bool, msg []byte) (adapter.Work, error) {
	if o.onMessage != nil {
		return o.work, o.onMessage(msg)
	}
	o.messages <- string(msg)
	return o.work, nil
}

func (o *owner) Ended(r websockets.Reason) { o.ended <- r }

// pair is a connection with its client.
type pair struct {
	*rawpeer.Peer
	t     *testing.T
	conn  *Conn
	queue *outbox.Queue[Item]
	owner *owner
}

// connect opens a connection, which is not served yet.
func connect(t *testing.T, change func(*Config), headers ...string) *pair {
	t.Helper()
	cfg := &Config{
		Limits: websockets.Limits{
			MaxMessage: 100_000, PingInterval: time.Minute, PingTimeout: time.Minute, SendQueue: 1 << 20, CloseTimeout: testkit.Patience,
		},
		Compression: CompressionOff,
		Logger:      slog.New(slog.DiscardHandler),
		Group:       NewGroup("test", time.Minute),
	}
	if change != nil {
		change(cfg)
	}
	cfg.Group.Clock.Now() // as its first member would have it
	conns := make(chan *Conn, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conns <- cfg.Accept(w, r, "it", time.Now().Add(testkit.Patience))
	}))
	t.Cleanup(srv.Close)
	p := &pair{Peer: rawpeer.Dial(t, srv.URL), t: t, owner: &owner{
		messages: make(chan string, 100), ended: make(chan websockets.Reason, 10),
	}}
	p.Write(rawpeer.Upgrade("/", headers...))
	if a := p.Answer(); a.Status != http.StatusSwitchingProtocols {
		t.Fatal(a)
	}
	p.conn = testkit.Receive(t, "the connection", conns)
	p.queue = outbox.New(cfg.Limits.SendQueue, cfg.Limits.SendQueueMax, &outbox.Pool[Item]{}, p.conn.Write)
	if !p.conn.Attach(p.queue) {
		t.Fatal("not attached")
	}
	return p
}

// serve reads until the end of the test.
func (p *pair) serve() {
	done := make(chan struct{})
	p.conn.Serve(p.owner, func() { close(done) })
	p.t.Cleanup(func() {
		p.conn.Abort()
		<-done
	})
}

func (p *pair) push(it Item) {
	p.t.Helper()
	if err := p.queue.Push(it, it.Size(), outbox.Refuse); err != nil {
		p.t.Fatal(err)
	}
}

func message(text string) Item { return Item{Frame: SealCopy(true, []byte(text))} }

// next reads a frame: the whole of its first byte, and the payload.
func (p *pair) next() (first byte, payload string, err error) {
	got, err := p.Next()
	return got.First, got.Payload, err
}

func (p *pair) want(first byte, payload string) {
	p.t.Helper()
	if got, text, err := p.next(); got != first || text != payload || err != nil {
		p.t.Fatalf("frame %x %.60q, %v; want %x %.60q", got, text, err, first, payload)
	}
}

// The frames of one item stay together, whatever else waits.
func TestItemsAreNotParted(t *testing.T) {
	p := connect(t, nil)
	p.serve()
	release := p.conn.Hold()
	for range 3 {
		p.push(Item{Frame: SealCopy(true, []byte("head")), More: []*Frame{
			SealCopy(false, []byte("one")), SealCopy(false, []byte(strings.Repeat("2", 70_000))),
		}})
		if _, err := p.Conn.Write(rawFrame(0x80|opPing, []byte("are you there"))); err != nil {
			t.Fatal(err)
		}
	}
	p.conn.ping()
	testkit.Eventually(t, "a pong that waits", func() bool {
		p.conn.mu.Lock()
		defer p.conn.mu.Unlock()
		return p.conn.queued.pong
	})
	release()
	for heads := 0; heads < 3; {
		first, payload, err := p.next()
		switch {
		case err != nil:
			t.Fatal(err)
		case first == 0x80|opText && payload == "head":
			heads++
			p.want(0x80|opBinary, "one")
			p.want(0x80|opBinary, strings.Repeat("2", 70_000))
		case first != 0x80|opPing && first != 0x80|opPong:
			t.Fatalf("frame %x %.60q", first, payload)
		}
	}
}

// Hold blocks all writes; after the release they happen in order.
func TestHold(t *testing.T) {
	p := connect(t, nil)
	p.serve()
	release := p.conn.Hold()
	for _, text := range []string{"a", "b", "c"} {
		p.push(message(text))
	}
	if n := p.queue.Bytes(); n != 9 {
		t.Errorf("%d bytes wait", n)
	}
	release()
	for _, text := range []string{"a", "b", "c"} {
		p.want(0x80|opText, text)
	}
}

func TestLeave(t *testing.T) {
	reason := websockets.Reason{Cause: websockets.CauseServerDisconnect}
	for _, tt := range []struct {
		mode CloseMode
		last bool // what waits is sent
	}{{CloseGraceful, true}, {CloseHandshake, false}, {CloseAbort, false}} {
		p := connect(t, nil)
		p.serve()
		release := p.conn.Hold()
		p.push(message("in the writer's hands"))
		for p.queue.Len() > 0 { // it is not there yet
			runtime.Gosched()
		}
		p.push(message("waits"))
		p.conn.Close(reason, tt.mode)
		p.conn.Close(websockets.Reason{Cause: websockets.CauseForcedClose}, CloseAbort) // too late
		if p.conn.Attach(p.queue) {
			t.Error("attached while leaving")
		}
		release()
		var got []string
		for {
			first, payload, err := p.next()
			if err != nil || first == 0x80|opClose {
				break
			}
			got = append(got, payload)
		}
		_ = p.Conn.Close()
		if last := len(got) == 2; last != tt.last {
			t.Errorf("mode %d: %q was sent", tt.mode, got)
		}
		if r := testkit.Receive(t, "the end", p.owner.ended); r.Cause != reason.Cause {
			t.Errorf("mode %d: %+v", tt.mode, r)
		}
	}
}

// A client that does not read cannot delay Close.
func TestLeaveIsBounded(t *testing.T) {
	for how, limit := range map[CloseMode]time.Duration{CloseGraceful: 300 * time.Millisecond, CloseHandshake: 300 * time.Millisecond, CloseAbort: closeAbortTime} {
		p := connect(t, func(c *Config) { c.Limits.CloseTimeout = 300 * time.Millisecond })
		p.serve()
		release := p.conn.Hold()
		p.push(message("never sent"))
		start := time.Now()
		p.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect}, how)
		testkit.Receive(t, "the end", p.owner.ended)
		if took := time.Since(start); took < limit-time.Millisecond || took > limit+5*time.Second {
			t.Errorf("mode %d took %v", how, took)
		}
		release()
	}
}

// Serve reports the end of a connection that has ended already.
func TestServeAfterTheEnd(t *testing.T) {
	p := connect(t, nil)
	p.conn.Abort()
	p.conn.Abort()
	p.serve()
	if r := testkit.Receive(t, "the end", p.owner.ended); r.Cause != websockets.CauseForcedClose {
		t.Errorf("%+v", r)
	}
	if len(p.owner.ended) > 0 {
		t.Error("reported twice")
	}
}

func TestGiveUp(t *testing.T) {
	p := connect(t, nil)
	p.conn.GiveUp(nil)
	p.want(0x80|opClose, "\x03\xe9server shutting down")
	if _, _, err := p.next(); err == nil {
		t.Error("the connection stays")
	}
}

// A frame that is sent once is given back when it has been written, and its
// memory is not kept when it has grown large.
func TestOnceFrame(t *testing.T) {
	p := connect(t, nil)
	p.serve()
	for _, n := range []int{0, 1, 125, 126, 600, 0xffff, 0x10000, 200_000} {
		f, buf := OnceFrame(1, n/2) // a size is a hint
		if len(buf) != HeaderRoom+1 {
			t.Fatalf("%d bytes are free", len(buf))
		}
		buf[HeaderRoom] = '4'
		buf = append(buf, strings.Repeat("x", n)...)
		f.SealOnce(true, buf, 0)
		p.push(Item{Frame: f, Once: true})
		p.want(0x80|opText, "4"+strings.Repeat("x", n))

		f, buf = OnceFrame(1, 6)
		f.SealOnce(false, append(buf, "binary"...), 1)
		p.push(Item{Frame: f, Once: true})
		p.want(0x80|opBinary, "binary")
	}
	for range 100 {
		f, buf := OnceFrame(0, 0)
		f.SealOnce(true, append(buf, make([]byte, 2*maxPooled)...), 0)
		f.Free()
		if f, _ := OnceFrame(0, maxPooled-HeaderRoom); cap(f.own) > onceSize(oncePools-1) {
			t.Fatalf("%d bytes are kept", cap(f.own))
		}
	}
}

// A short message does not wait in the buffer of a long one, and the charge of an item is
// the memory that it holds.
func TestOnceFrameFits(t *testing.T) {
	for _, n := range []int{0, 8, 100, 500, 4096, 5000, 40_000, 65_500, 65_536, 70_000} {
		for range 20 {
			f, buf := OnceFrame(1, n)
			f.SealOnce(true, append(buf, make([]byte, n)...), 0)
			if c := cap(f.own); c > 2*(n+HeaderRoom+1)+onceSize(0) {
				t.Fatalf("%d bytes hold a buffer of %d", n, c)
			}
			it := Item{Frame: f, Once: true, More: []*Frame{SealCopy(false, make([]byte, 1000))}}
			if got, least := it.Charge(), cap(f.own)+1000+2*frameSize+entrySize; got < least || got > least+100 {
				t.Fatalf("an item that holds %d bytes is charged %d", least, got)
			}
			f.Free()
			long, buf := OnceFrame(0, 0) // grown, and then pooled
			long.SealOnce(true, append(buf, make([]byte, 3000)...), 0)
			long.Free()
		}
	}
	shared := Item{Frame: SealCopy(true, make([]byte, 1000))}
	if got := shared.Charge(); got < 1000+entrySize || got > 1010+entrySize {
		t.Errorf("a shared frame of 1,000 bytes is charged %d", got)
	}
}

// A panic in a Handler ends that connection only.
func TestPanicInMessage(t *testing.T) {
	p := connect(t, nil)
	p.owner.onMessage = func([]byte) error { panic("boom") }
	p.serve()
	if _, err := p.Conn.Write(rawFrame(0x80|opText, []byte("x"))); err != nil {
		t.Fatal(err)
	}
	p.want(0x80|opClose, "\x03\xf3internal error")
	_ = p.Conn.Close()
	if r := testkit.Receive(t, "the end", p.owner.ended); r != InternalReason {
		t.Errorf("%+v", r)
	}
}

func TestReadingAndReceiving(t *testing.T) {
	p := connect(t, nil)
	enter, leave := make(chan struct{}), make(chan struct{})
	p.owner.onMessage = func([]byte) error { close(enter); <-leave; return nil }
	p.serve()
	b := rawFrame(0x80|opText, []byte("hello"))
	_, _ = p.Conn.Write(b[:4])
	testkit.Eventually(t, "half a message", func() bool { return p.conn.Reading() && p.conn.Receiving() })
	_, _ = p.Conn.Write(b[4:])
	testkit.Receive(t, "the message", enter)
	if p.conn.Reading() || p.conn.Receiving() {
		t.Error("it reads while a message is handled")
	}
	close(leave)
	testkit.Eventually(t, "the next read", func() bool { return p.conn.Reading() && !p.conn.Receiving() })
}

// Stalled implements the contract: nothing is ever blocked here.
func (*owner) Stalled() time.Duration { return 0 }
