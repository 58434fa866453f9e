package socketio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// returningClient is a client that can reconnect.
type returningClient struct {
	wire
	s                *session
	sid, pid, offset string
}

func (r *testServer) visit(w wire, auth string) *returningClient {
	r.t.Helper()
	entered, s := r.enter(w, auth)
	return &returningClient{wire: w, s: s, sid: field(entered, "sid"), pid: field(entered, "pid")}
}

// expect reads the event n, and notes its offset.
func (v *returningClient) expect(t testing.TB, n int) {
	t.Helper()
	got := v.read()
	rest, ok := strings.CutPrefix(got, fmt.Sprintf(`42["n",%d,"`, n))
	if !ok {
		t.Fatalf("got %.200q, want number %d", got, n)
	}
	v.offset = strings.TrimSuffix(rest, `"]`)
}

func (v *returningClient) auth() string {
	return fmt.Sprintf(`{"pid":%q,"offset":%q}`, v.pid, v.offset)
}

func number(n int) *adapter.Outgoing { return adapter.NewOutgoing("n", n) }

func (s *session) number(t testing.TB, n int) {
	t.Helper()
	if err := s.conn.Emit(number(n), 0); err != nil {
		t.Fatalf("emit %d: %v", n, err)
	}
}

// away lets a client come, receive number 0, and lose its connection.
func (r *testServer) away() *returningClient {
	r.t.Helper()
	v := r.visit(r.peer(), "")
	v.s.number(r.t, 0)
	v.expect(r.t, 0)
	v.cut()
	testkit.Receive(r.t, "Suspend", v.s.suspended)
	r.settled(v)
	return v
}

// settled waits until an absent client can resume.
func (r *testServer) settled(v *returningClient) {
	r.t.Helper()
	testkit.Eventually(r.t, "the record", func() bool { return r.srv.recovery.Settled(v.pid) })
}

// back reconnects it, as the old client or as a new one.
func (r *testServer) back(v *returningClient, open func(*testServer) wire, recovered bool) *returningClient {
	r.t.Helper()
	w := r.visit(open(r), v.auth())
	w.offset = v.offset
	if w.s.recovered != recovered || (w.sid == v.sid) != recovered || (w.pid == v.pid) != recovered || (w.s.conn.ID() == v.sid) != recovered {
		r.t.Fatalf("recovered %t, sid %s after %s, pid %s after %s; want recovered %t", w.s.recovered, w.sid, v.sid, w.pid, v.pid, recovered)
	}
	return w
}

func overPeer(r *testServer) wire { return r.peer() }

func TestRecovers(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{Recovery: &Recovery{}})
		v := r.visit(open(r), "")
		v.s.number(t, 0)
		v.expect(t, 0)
		v.cut()
		testkit.Receive(t, "Suspend", v.s.suspended)
		old := v.s
		for n := 1; n <= 3; n++ {
			old.number(t, n)
		}
		volatile := number(99)
		volatile.Volatile = true
		if err := old.conn.Emit(volatile, 0); err != websockets.ErrQueueFull {
			t.Errorf("a volatile event for an absent client: %v", err)
		}
		if err := old.conn.Emit(number(99), 7); err != websockets.ErrClosed {
			t.Errorf("a call to an absent client: %v", err)
		}
		v = r.back(v, open, true)
		old.number(t, 4) // through the old connection, as a broadcast under way
		v.s.number(t, 5)
		for n := 1; n <= 5; n++ {
			v.expect(t, n)
		}
		v.cut()
		testkit.Receive(t, "the second Suspend", v.s.suspended)
		v.s.number(t, 6)
		v = r.back(v, open, true)
		v.expect(t, 6)
		if len(v.s.dropped)+len(old.dropped)+len(old.closed) > 0 {
			t.Error("a suspension was dropped")
		}
	})
}

// A client that is disconnected by the server while it is absent is a new one when it reconnects.
// Once it has resumed, its old connection has no part in it.
func TestClosedWhileAbsent(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{}})
	v := r.away()
	v.s.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
	testkit.Receive(t, "Drop", v.s.dropped)
	r.back(v, overPeer, false)

	v = r.away()
	old := v.s
	v = r.back(v, overPeer, true)
	old.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
	v.s.number(t, 1)
	v.expect(t, 1)
	v.cut()
	testkit.Receive(t, "Suspend", v.s.suspended)
	r.settled(v)
	r.back(v, overPeer, true)
}

// A client that is dropped in the moment in which it resumes has been answered with its old ids: it
// is cut off, and is a new one when it reconnects.
func TestDroppedWhileItResumes(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{}})
	v := r.away()
	v.s.gone = true
	w := r.peer()
	w.send("40" + v.auth())
	for {
		got, err := w.Next()
		if err != nil {
			break // it is cut off
		}
		if got.First == opText && field(got.Payload, "pid") != v.pid {
			t.Errorf("%q, want the old ids or nothing", got.Payload)
		}
	}
	r.back(v, overPeer, false)
}

// A wrong private id, namespace or offset does not resume a client.
func TestRecoversOnlyTheClient(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{}})
	v := r.away()
	for _, auth := range []string{
		fmt.Sprintf(`{"pid":"x%s","offset":%q}`, v.pid, v.offset), fmt.Sprintf(`{"pid":%q,"offset":%q}`, v.sid, v.offset),
		fmt.Sprintf(`{"pid":%q}`, v.pid), fmt.Sprintf(`{"offset":%q}`, v.offset), `{}`, ``, `{"pid":1,"offset":2}`,
		fmt.Sprintf(`{"pid":%q,"offset":""}`, v.pid), fmt.Sprintf(`{"pid":[%q],"offset":%q}`, v.pid, v.offset),
	} {
		if w := r.visit(r.peer(), auth); w.s.recovered || w.sid == v.sid {
			t.Errorf("recovered with %s", auth)
		}
	}
	p := r.peer()
	p.send("40/b," + v.auth())
	if got := p.read(); field(got, "sid") == v.sid {
		t.Errorf("recovered in another namespace: %s", got)
	}
	r.back(v, overPeer, true) // none of them has cost it its place

	v = r.away()
	v.offset = "nosuch"
	w := r.back(v, overPeer, false)
	testkit.Receive(t, "Drop", v.s.dropped)
	if w.s.recovered {
		t.Error("recovered with an unknown offset")
	}
}

// A client without an event has no offset and cannot resume.
func TestNeverReceivedAnything(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{}})
	v := r.visit(r.peer(), "")
	v.cut()
	testkit.Receive(t, "Suspend", v.s.suspended)
	r.settled(v)
	r.back(v, overPeer, false)
}

// Only a client that lost its connection can resume.
func TestEndsThatAreFinal(t *testing.T) {
	for name, end := range map[string]func(*returningClient){
		"DISCONNECT":     func(v *returningClient) { v.send("41") },
		"kicked":         func(v *returningClient) { v.s.conn.Close(kicked) },
		"a parse error":  func(v *returningClient) { v.send("4x") },
		"queue overflow": func(v *returningClient) { v.s.conn.Close(websockets.Reason{Cause: websockets.CauseQueueOverflow}) },
		"shutdown":       func(v *returningClient) { v.s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown}) },
		"forced":         func(v *returningClient) { v.s.conn.Close(websockets.Reason{Cause: websockets.CauseForcedClose}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestServer(t, Options{Recovery: &Recovery{}})
			v := r.visit(r.peer(), "")
			v.s.number(t, 0)
			v.expect(t, 0)
			end(v)
			testkit.Receive(t, "Session.Closed", v.s.closed)
			testkit.Eventually(r.t, "the end of the record", func() bool {
				journals, _, _ := r.srv.recovery.Sizes()
				return journals == 0
			})
			if err := v.s.conn.Emit(number(1), 0); err != websockets.ErrClosed {
				t.Errorf("Emit: %v", err)
			}
			start := time.Now()
			r.back(v, overPeer, false)
			if time.Since(start) > 5*time.Second {
				t.Error("it waited for a client that has left")
			}
		})
	}
}

func TestAdmitOfWhoComesBack(t *testing.T) {
	for _, skip := range []bool{false, true} {
		var asked []bool
		r := newTestServer(t, Options{Recovery: &Recovery{SkipAdmit: skip}}, admitting(func(_ context.Context, h *adapter.Handshake) error {
			asked = append(asked, h.SkipChecks)
			return nil
		}))
		v := r.away()
		r.back(v, overPeer, true)
		v.offset = "nosuch"
		if len(asked) != 2 || asked[0] || asked[1] != skip {
			t.Errorf("SkipAdmit %t: SkipChecks were %v", skip, asked)
		}
	}
}

// A client whose checks were skipped because it was to resume, and that has missed too much by then, is no new client
// without checks: its connection is closed.
func TestSkippedChecks(t *testing.T) {
	var second atomic.Pointer[connection]
	var v *returningClient
	var checked []bool
	var r *testServer
	r = newTestServer(t, Options{Recovery: &Recovery{SkipAdmit: true, MaxBytes: 2000}}, admitting(func(_ context.Context, h *adapter.Handshake) error {
		if h.Namespace == "/" {
			checked = append(checked, !h.SkipChecks)
		}
		if !h.SkipChecks {
			return nil
		}
		c := second.Load()
		c.mu.Lock() // the answer waits
		go func() {
			defer c.mu.Unlock()
			testkit.Eventually(t, "a claim", func() bool { return !r.srv.recovery.Settled(v.pid) })
			for n := range 100 {
				_ = v.s.conn.Emit(number(n), 0)
			}
		}()
		return nil
	}))
	v = r.away()
	p := r.peer()
	p.send("40/b,")
	p.read()
	second.Store(r.sessionB().conn.(*socket).conn)
	p.send("40" + v.auth())
	_ = p.Conn.SetReadDeadline(time.Now().Add(testkit.Patience))
	if _, err := io.Copy(io.Discard, p.R); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal("the connection stands: ", err)
	}
	r.back(v, overPeer, false)
	if want := []bool{true, false, true}; !slices.Equal(checked, want) {
		t.Errorf("checked: %v, want %v", checked, want)
	}
}

// A refused attempt to resume may be of another client: the right one can still resume.
func TestRefusedOnTheWayBack(t *testing.T) {
	revoked := false
	r := newTestServer(t, Options{Recovery: &Recovery{}}, admitting(func(context.Context, *adapter.Handshake) error {
		if revoked {
			return websockets.NewError("revoked")
		}
		return nil
	}))
	v := r.away()
	revoked = true
	p := r.peer()
	p.send("40" + v.auth())
	want(t, p, `44{"message":"revoked","data":{"status":"error","message":"revoked"}}`)
	revoked = false
	r.back(v, overPeer, true)
}

// The connection is lost again while the check of the way back runs.
func TestLostOnTheWayBack(t *testing.T) {
	admit, entered, _, ended := waiting()
	first := true
	r := newTestServer(t, Options{Recovery: &Recovery{}}, admitting(func(ctx context.Context, h *adapter.Handshake) error {
		if first {
			first = false
			return nil
		}
		return admit(ctx, h)
	}))
	v := r.away()
	p := r.peer()
	p.send("40" + v.auth())
	testkit.Receive(t, "Admit", entered)
	p.cut()
	testkit.Receive(t, "the end of the check", ended)
	first = true
	r.back(v, overPeer, true)
}

// A client that the framework does not suspend cannot resume.
func TestNotSuspended(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{}}, preparing(func(s *session) { s.stays = true }))
	v := r.visit(r.peer(), "")
	v.s.number(t, 0)
	v.expect(t, 0)
	v.cut()
	v.s.wantClosed(t, websockets.CauseTransportClose)
	r.back(v, overPeer, false)
}

// Of two whose checks run at the same time one is the client, and the other a
// new one.
func TestTwoResume(t *testing.T) {
	admit, entered, leave, _ := waiting()
	first := true
	r := newTestServer(t, Options{Recovery: &Recovery{}}, admitting(func(ctx context.Context, h *adapter.Handshake) error {
		if first {
			first = false
			return nil
		}
		return admit(ctx, h)
	}))
	v := r.away()
	sids := make(chan string, 2)
	for range 2 {
		p := r.peer()
		go func() {
			p.send("40" + v.auth())
			sids <- field(p.read(), "sid")
		}()
	}
	testkit.Receive(t, "the first check", entered)
	testkit.Receive(t, "the second check", entered)
	close(leave)
	one, two := testkit.Receive(t, "an answer", sids), testkit.Receive(t, "an answer", sids)
	if one == two || one != v.sid && two != v.sid {
		t.Errorf("%s resumed as %s and %s", v.sid, one, two)
	}
	if a, b := r.session(), r.session(); a.recovered == b.recovered {
		t.Errorf("both recovered: %t", a.recovered)
	}
}

// A client reconnects before the server has noticed the loss of its connection.
func TestBackBeforeItLeft(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{Recovery: &Recovery{}})
		v := r.visit(open(r), "")
		v.s.number(t, 0)
		v.expect(t, 0)
		v.s.number(t, 1) // which it has not read
		w := r.back(v, open, true)
		if reason := testkit.Receive(t, "Suspend", v.s.suspended); reason.Cause != websockets.CauseTransportClose {
			t.Errorf("%+v", reason)
		}
		w.expect(t, 1)
	})
}

func TestMaxClients(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{MaxClients: 2}})
	a, b, c := r.away(), r.away(), r.away()
	testkit.Receive(t, "the end of the first", a.s.dropped)
	r.back(a, overPeer, false)
	b = r.back(b, overPeer, true)
	b.cut() // now the last that left
	testkit.Receive(t, "Suspend", b.s.suspended)
	r.settled(b)
	d := r.away()
	testkit.Receive(t, "the end of the one that left first", c.s.dropped)
	r.back(c, overPeer, false)
	r.back(b, overPeer, true)
	r.back(d, overPeer, true)
}

func TestMaxDisconnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, Options{Recovery: &Recovery{MaxDisconnection: 20 * time.Second}}, with(func(l *websockets.Limits) {
			l.PingInterval, l.PingTimeout = time.Hour, time.Hour
		}))
		v := r.away()
		wait(19 * time.Second)
		v = r.back(v, overPeer, true)
		wait(time.Minute) // here, no time runs out
		v.s.number(t, 1)
		v.expect(t, 1)
		v.cut()
		<-v.s.suspended
		start := time.Now()
		<-v.s.dropped
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("forgotten after %v", took)
		}
		r.back(v, overPeer, false)
	})
}

func TestCloseForgetsAll(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{}})
	a, b := r.away(), r.away()
	c := r.visit(r.peer(), "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = r.srv.Close(ctx)
	testkit.Receive(t, "Drop", a.s.dropped)
	testkit.Receive(t, "Drop", b.s.dropped)
	c.s.wantClosed(t, websockets.CauseShutdown)
}
