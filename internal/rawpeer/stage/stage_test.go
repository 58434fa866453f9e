package stage_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPeersOnWebSocket(t *testing.T) {
	s := stage.New(t, ws.New())
	rawpeer.AliveWS(t, s.Addr, "/")
	p := rawpeer.Open(t, s.Addr, "/")
	rawpeer.EchoWS(t, p, "hi")
	p.Reset()
	p = rawpeer.Open(t, s.Addr, "/", rawpeer.WithReceiveBuffer(4096))
	p.Frame(rawpeer.Fin|rawpeer.OpPing, "hello")
	if got, err := p.Next(); err != nil || got.First != rawpeer.Fin|rawpeer.OpPong || got.Payload != "hello" {
		t.Errorf("got %s, %v", got, err)
	}
	p.Write(rawpeer.Frame{First: 0x81, Claim: 1 << 62}.Bytes())
	p.WantClose(1009)
	reasons := s.WantGone(3)
	for _, want := range []websockets.Cause{websockets.CauseClientDisconnect, websockets.CauseMessageTooBig} {
		if !slices.ContainsFunc(reasons, func(r websockets.Reason) bool { return r.Cause == want }) {
			t.Errorf("reasons %v, without %q", reasons, want)
		}
	}
	if s.Events() != 2 {
		t.Errorf("%d events", s.Events())
	}
}

func TestPeersOnSocketIO(t *testing.T) {
	s := stage.New(t, socketio.New())
	rawpeer.AliveSocketIO(t, s.Addr)
	rawpeer.AlivePolling(t, s.Addr)
	e := rawpeer.NewEngine(t, s.Addr)
	p := e.Poll()
	rawpeer.Enter(t, p, "/", "")
	w := p.Upgrade()
	rawpeer.Echo(t, w, "upgraded")
	w.Abort()
	p = e.Poll()
	rawpeer.Enter(t, p, "/", "")
	p.Abort()
	if a := e.Do(rawpeer.Request("GET", e.Query("polling", "unknown")) + "\r\n"); a.Status != 400 {
		t.Errorf("poll of an unknown session: %+v", a)
	}
	s.WantGone(4)
}
