package socketio

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Clients keep the offset of an earlier connection until they receive an event with another one: also after a
// restart of the server, and at another server. Such an offset says nothing about the events of the new connection.
func TestAudit_OffsetOfAnotherServer(t *testing.T) {
	old := newTestServer(t, Options{Recovery: &Recovery{}})
	v := old.visit(old.peer(), "")
	for n := range 3 {
		v.s.number(t, n)
		v.expect(t, n)
	}
	v.cut()

	next := newTestServer(t, Options{Recovery: &Recovery{}})
	stale := v.offset
	v = next.visit(next.peer(), v.auth())
	if v.s.recovered {
		t.Fatal("recovered by another server")
	}
	for n := range 5 {
		v.s.number(t, n) // it is cut off before it reads them
	}
	v.cut()
	testkit.Receive(t, "Suspend", v.s.suspended)
	next.settled(v)
	v.offset = stale
	next.back(v, overPeer, false)
}

// The same when the only client of a namespace returns too late, and the namespace starts anew.
func TestAudit_OffsetOfAnEarlierNamespace(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{MaxDisconnection: time.Millisecond}})
	v := r.away()
	testkit.Receive(t, "Drop", v.s.dropped)
	stale := v.offset
	r.srv.recovery.Options().MaxDisconnection = time.Minute
	v = r.visit(r.peer(), v.auth())
	v.s.number(t, 1)
	v.s.number(t, 2)
	v.cut()
	testkit.Receive(t, "Suspend", v.s.suspended)
	r.settled(v)
	v.offset = stale
	r.back(v, overPeer, false)
}

// The end of MaxDisconnection and a recovery at the same time: the client is the one or a new one, and stays connected.
func TestAudit_RecoveredAtTheLastMoment(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{MaxDisconnection: 300 * time.Microsecond}})
	v := r.visit(r.peer(), "")
	recovered := 0
	for n := range 1000 {
		if err := v.s.conn.Emit(number(n), 0); err != nil {
			t.Fatalf("an event for a connected client, recovered %t: %v", v.s.recovered, err)
		}
		v.expect(t, n)
		p := r.peer()
		v.cut()
		<-v.s.suspended
		w := r.visit(p, v.auth())
		w.offset = v.offset
		if w.s.recovered {
			recovered++
		}
		v = w
	}
	t.Logf("%d times recovered", recovered)
}

// An event that must not be compressed is not compressed for a client that was absent either.
func TestAudit_UncompressedForAbsentClients(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{}, Compression: CompressionEach})
	v := r.visit(r.peer("Sec-WebSocket-Extensions", offer), "")
	v.s.number(t, 0)
	v.expect(t, 0)
	v.cut()
	testkit.Receive(t, "Suspend", v.s.suspended)
	r.settled(v)
	secret := adapter.NewOutgoing("secret", strings.Repeat("x", 1000))
	secret.Uncompressed = true
	if err := v.s.conn.Emit(secret, 0); err != nil {
		t.Fatal(err)
	}
	p := r.peer("Sec-WebSocket-Extensions", offer)
	p.send("40" + v.auth())
	for {
		f, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(f.String(), "secret") {
			break // readable as it is
		}
		if f.First&rawpeer.RSV1 != 0 && len(f.Payload) < 1000 {
			t.Fatalf("the event is compressed: %s", f)
		}
	}
}
