package resume

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// session is one that is the client's.
type session struct{ adapter.Session }

func anyClient(adapter.Session) bool { return true }

// A client whose new connection has ended before it was sent anything is absent as before, and can resume later.
func TestKeep(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{})
	j, drops := a.add("192.0.2.1")
	j.sess = session{}
	j.known = 7
	for range 3 {
		r := a.store.Find(j.PrivateID(), Offset(7), "/", "")
		if r == nil || !r.take(t.Context(), websockets.Reason{}, anyClient) || r.Suspension() == nil {
			t.Fatal("it cannot resume")
		}
		if a.store.Settled(j.PrivateID()) {
			t.Error("it is absent while it resumes")
		}
		r.Keep()
		r.Abandon()
		if !a.store.Settled(j.PrivateID()) || j.ended() || *drops > 0 {
			t.Fatal("it is not absent as before")
		}
	}
	a.store.Close()
	if *drops != 1 {
		t.Errorf("it was dropped %d times at the end", *drops)
	}
}

// A private id names its place: with another suffix there is no client.
func TestSuffix(t *testing.T) {
	a := newAbsentClients(t, adapter.Recovery{})
	j := a.store.NewJournal(away{}, "id", "", "PLACE", Address{})
	start := j.Start()
	if a.store.Find(j.PrivateID(), start, "", "PLACE") == nil {
		t.Error("the client is not found")
	}
	if a.store.Find(j.PrivateID(), start, "", "OTHER") != nil {
		t.Error("the client is found at another place")
	}
	j.Close()
}
