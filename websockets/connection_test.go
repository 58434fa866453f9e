package websockets

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestClientErrorsWithinTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Connection
		for range 100 { // as many as may be, for ever
			for range 4 {
				if c.wrong(5) {
					t.Fatal("fewer than the limit within 10 s are too many")
				}
			}
			<-time.After(errorWindow) // of the bubble
		}
		for n := range 10 {
			if over := c.wrong(5); over != (n == 4) {
				t.Fatalf("error %d: %t", n+1, over)
			}
		}
		if !c.over.Load() {
			t.Error("the connection is not over")
		}
	})
	var c Connection
	for range 1000 {
		if c.wrong(-1) {
			t.Fatal("a negative limit is one")
		}
	}
}

func TestBlameLeavesOutTheServersOwn(t *testing.T) {
	s := &session{hs: &Handshake{Connection: new(Connection)}, ep: &endpoint{srv: &boundServer{limits: Limits{ClientErrors: 1000}}}}
	for _, err := range []error{
		errors.New("of a database"), errNotAccepting, &Error{Message: "Timeout", Status: http.StatusServiceUnavailable},
		&Error{Message: "Broken", Status: http.StatusInternalServerError}, errExited, ErrClosed,
	} {
		if s.blame(err); s.hs.Connection.errors != 0 {
			t.Errorf("%v counts", err)
		}
	}
	for _, err := range []error{&Error{Message: "No"}, &Error{Message: "Slower", Status: http.StatusTooManyRequests}} {
		before := s.hs.Connection.errors
		if s.blame(err); s.hs.Connection.errors != before+1 {
			t.Errorf("%v does not count", err)
		}
	}
}
