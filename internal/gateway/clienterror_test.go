package gateway

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestServerErrorsDoNotCount(t *testing.T) {
	counts := func(err error) bool {
		p := newPeer("a")
		limits := websockets.Limits{ClientErrors: 1}
		s := &session{conn: p, hs: &adapter.Handshake{Connection: new(adapter.Connection)}, ep: &endpoint{srv: &boundServer{limits: limits}}}
		p.is(s)
		s.state.cut = true // closing it does nothing
		s.countError(err)
		return s.hs.Connection.Closing()
	}
	for _, err := range []error{
		errors.New("of a database"), errNotAccepting, &websockets.Error{Message: "Timeout", Status: http.StatusServiceUnavailable},
		&websockets.Error{Message: "Broken", Status: http.StatusInternalServerError}, errExited, websockets.ErrClosed,
	} {
		if counts(err) {
			t.Errorf("%v counts", err)
		}
	}
	for _, err := range []error{&websockets.Error{Message: "No"}, &websockets.Error{Message: "Slower", Status: http.StatusTooManyRequests}} {
		if !counts(err) {
			t.Errorf("%v does not count", err)
		}
	}
}
