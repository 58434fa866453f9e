package socketio

import "testing"

// Connected clients count too, and lose only what they were sent.
func TestMaxTotalBytesWhileHere(t *testing.T) {
	const total = 100_000
	r := newTestServer(t, Options{Recovery: &Recovery{MaxTotalBytes: total}})
	v := r.visit(r.peer(), "")
	for n := range 2000 {
		v.s.number(t, n)
		v.expect(t, n)
		if now := r.srv.recovery.Bytes(); now > total {
			t.Fatalf("%d bytes are counted", now)
		}
	}
	v.cut()
	<-v.s.suspended
	v.s.number(t, 2000)
	v = r.back(v, overPeer, true)
	v.expect(t, 2000)
}
