package sessions_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// socketIO is our own Socket.IO server.
func socketIO(o ...socketio.Options) adapter.Adapter { return socketio.New(o...) }

// wantGone waits until the server no longer has the session.
func wantGone(t *testing.T, s *rawpeer.Poller) {
	t.Helper()
	var a rawpeer.Answer
	if !testkit.Within(testkit.Patience, func() bool {
		a = s.Post("3")
		return a.Status == http.StatusBadRequest
	}) {
		t.Errorf("the session still exists: %d %s", a.Status, a.Body)
	}
}
