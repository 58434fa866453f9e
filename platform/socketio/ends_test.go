package socketio

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The framework may close a client during Endpoint.Connect.
func TestKickedInConnect(t *testing.T) {
	for _, recovery := range []*Recovery{nil, {}} {
		both(t, func(t *testing.T, open func(*testServer) wire) {
			r := newTestServer(t, Options{Recovery: recovery}, preparing(func(s *session) {
				_ = s.conn.Emit(out("first", "1"), 0)
				s.conn.Close(kicked)
			}))
			w := open(r)
			_, s := r.enter(w, "")
			want(t, w, withOffset(s, `42["first",1]`))
			want(t, w, "41")
			s.wantClosed(t, websockets.CauseServerDisconnect)
			r.enter(w, "")
		})
	}
}

// withOffset returns the last event that was sent in a namespace, with its offset if there is one.
func withOffset(s *session, packet string) string {
	j := s.conn.(*socket).journal
	if j == nil {
		return packet
	}
	return packet[:len(packet)-1] + `,"` + j.Ring().Last() + `"]`
}

// When several causes end a client at the same time, the framework is informed, a suspended
// client is dropped in the end, and nothing is kept.
func TestManyEndsAtOnce(t *testing.T) {
	r := newTestServer(t, Options{Recovery: &Recovery{MaxClients: 10}})
	var all []*session
	for round := range 150 {
		p := r.peer()
		_, s := r.enter(p, "")
		all = append(all, s)
		var ends sync.WaitGroup
		for i, end := range []func(){
			func() { _ = p.Conn.Close() },
			func() { s.conn.Close(kicked) },
			func() { _, _ = p.Conn.Write([]byte(frame(opText, "41"))) },
			func() { _ = s.conn.Emit(number(round), 0) },
			func() { s.conn.(*socket).conn.eng.Close(websockets.Reason{Cause: websockets.CausePingTimeout}, 2) },
		} {
			if round>>i&1 == 0 {
				ends.Go(end)
			}
		}
		ends.Wait()
		_ = p.Conn.Close()
	}
	for i, s := range all {
		select {
		case <-s.closed:
		case r := <-s.suspended:
			s.suspended <- r
		case <-t.Context().Done():
			t.Fatalf("client %d has not ended", i)
		}
	}
	if err := r.srv.Close(context.Background()); err != nil {
		t.Error(err)
	}
	testkit.Eventually(r.t, "the end of all records", func() bool {
		journals, absent, _ := r.srv.recovery.Sizes()
		return journals == 0 && absent == 0
	})
	for i, s := range all {
		if len(s.suspended) > 1 || len(s.suspended) > len(s.dropped) {
			t.Errorf("client %d: suspended %d times, dropped %d times", i, len(s.suspended), len(s.dropped))
		}
	}
}

// Two namespaces are entered, left and entered again while the other talks.
func TestComingAndGoingBesideTalk(t *testing.T) {
	r := newTestServer(t, Options{}, preparing(echo))
	p := r.peer()
	r.enter(p, "")
	go func() {
		for range 100 {
			s := testkit.Receive(t, "a session of /b", r.b.sessions)
			s.conn.Close(websockets.Reason{Cause: "moved"}) // a kick would count
		}
	}()
	acks, kicks := 0, 0
	p.send("40/b,")
	for n := 0; kicks < 100 || acks < n; {
		if n < 1000 {
			p.send(fmt.Sprintf(`42%d["x"]`, n))
			n++
		}
		switch got := p.read(); {
		case got == fmt.Sprintf("43%d[]", acks):
			acks++
		case got == "41/b,":
			if kicks++; kicks < 100 {
				p.send("40/b,")
			}
		case got[:5] != "40/b,":
			t.Fatalf("got %q", got)
		}
	}
}
