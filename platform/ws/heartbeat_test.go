package ws

import (
	"runtime"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func beating(interval, timeout time.Duration) func(*adapter.ServerConfig) {
	return func(c *adapter.ServerConfig) { c.Limits.PingInterval, c.Limits.PingTimeout = interval, timeout }
}

// F30: a peer that neither answers nor ends.
func TestHalfOpenPeerIsClosed(t *testing.T) {
	const interval, timeout = 60 * time.Millisecond, 80 * time.Millisecond
	r := newTestServer(t, nil, beating(interval, timeout))
	start := time.Now()
	p, s := r.connect()
	if op, payload, err := p.next(); op != opPing || payload != "" || err != nil {
		t.Fatalf("got %x %q %v, want a ping", op, payload, err)
	}
	p.wantClose(1001, "ping timeout")
	p.WantEnd()
	s.wantReason(t, websockets.Reason{Cause: websockets.CausePingTimeout})
	if took := time.Since(start); took < interval/2+timeout {
		t.Errorf("closed after %v", took)
	}
}

func TestPongKeepsTheConnection(t *testing.T) {
	const interval, timeout = 50 * time.Millisecond, 2 * time.Second // a busy client answers in time too
	r := newTestServer(t, nil, beating(interval, timeout))
	p, s := r.connect()
	for end := time.Now().Add(interval + timeout + time.Second); time.Now().Before(end); {
		if op, _, err := p.next(); op != opPing || err != nil {
			t.Fatalf("got %x %v, want a ping", op, err)
		}
		p.frame(0x80|opPong, "")
	}
	p.text(`{"event":"alive"}`)
	op, got, err := p.next()
	for op == opPing && err == nil { // the echo takes longer on a loaded machine
		op, got, err = p.next()
	}
	if want := `{"event":"alive"}`; got != want || err != nil {
		t.Errorf("got %x %q %v, want %s", op, got, err, want)
	}
	p.close(1000, "")
	s.reason(t)
}

// A client that answers no pings stays connected while it sends other frames.
func TestTrafficKeepsTheConnection(t *testing.T) {
	const interval, timeout = 50 * time.Millisecond, 2 * time.Second // a busy client sends in time too
	r := newTestServer(t, nil, beating(interval, timeout))
	p, _ := r.connect()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(interval + timeout + time.Second); time.Now().Before(end); {
		<-tick.C
		p.text(`{"event":"e"}`)
		for {
			op, payload, err := p.next()
			if err != nil {
				t.Fatal(err)
			}
			if op == opText && payload == `{"event":"e"}` {
				break
			}
		}
	}
}

// While the framework accepts no messages, the client's pongs are not read: it must not be
// closed for that.
func TestBackPressureIsNoPingTimeout(t *testing.T) {
	const timeout = 250 * time.Millisecond
	release := make(chan struct{})
	ep := &endpoint{prepare: func(s *session) {
		s.onReceive = func(s *session, m *adapter.Message) {
			if m.Event == "block" {
				<-release
			}
			echo(s, m)
		}
	}}
	r := newTestServer(t, ep, beating(timeout, timeout), Options{MessageTimeout: timeout})
	p, s := r.connect()
	half := rawFrame(0x80|opText, []byte(`{"event":"after"}`))
	p.write(append(rawFrame(0x80|opText, []byte(`{"event":"block"}`)), half[:9]...))
	s.message(t, 0)
	<-time.After(6 * timeout)
	p.write(half[9:]) // the half message did not take too long either
	close(release)
	for _, want := range []string{`{"event":"block"}`, `{"event":"after"}`} {
		op, payload, err := p.next()
		for op == opPing {
			op, payload, err = p.next()
		}
		if payload != want || err != nil {
			t.Fatalf("got %x %q %v", op, payload, err)
		}
	}
}

// F31: the client sends but does not read.
func TestWriteWithoutProgressIsCut(t *testing.T) {
	r := newTestServer(t, &endpoint{}, func(c *adapter.ServerConfig) {
		c.Limits.PingTimeout = 50 * time.Millisecond
		c.Limits.SendQueue = 64 << 20
	})
	_, s := r.connect()
	big := out("e", `"`+string(make([]byte, 0))+longText(8<<20)+`"`)
	for range 4 {
		_ = s.conn.Emit(big, 0) // it may have been cut by then
	}
	s.wantReason(t, websockets.Reason{Cause: websockets.CauseTransportError, Text: "the client does not read"})
}

func TestSweeperLivesWithConnections(t *testing.T) {
	r := newTestServer(t, nil, nil)
	if r.srv.lives() != 0 {
		t.Error("an idle server has goroutines")
	}
	for range 2 {
		p, s := r.connect()
		// The sweeper of the connection before may still be leaving.
		testkit.Eventually(r.t, "two goroutines: the connection's own and the sweeper", func() bool { return r.srv.lives() == 2 })
		p.close(1000, "")
		s.reason(t)
		p.WantEnd()
	}
}

func TestIdleConnectionsHaveOneGoroutine(t *testing.T) {
	r := newTestServer(t, nil, nil)
	before := runtime.NumGoroutine()
	const n = 50
	for range n {
		p, _ := r.connect()
		p.text(`{"event":"e"}`)
		p.want(`{"event":"e"}`)
	}
	late := time.After(testkit.Patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for { // handlers and writers are on their way out
		got := runtime.NumGoroutine() - before
		if got <= n+1 {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%d connections have %d goroutines", n, got)
		}
	}
}
