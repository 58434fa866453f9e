package rawpeer

import (
	"strconv"
	"strings"
	"testing"
)

// WantPacket reads a packet and compares.
func WantPacket(t testing.TB, w Wire, packet string) {
	t.Helper()
	if got := w.Read(); got != packet {
		t.Fatalf("rawpeer: got %.200q, want %.200q", got, packet)
	}
}

// Enter connects to a Socket.IO namespace, "/" or "/chat", with an auth payload or "",
// and returns the socket's id.
func Enter(t testing.TB, w Wire, namespace, auth string) string {
	t.Helper()
	prefix := "40"
	if namespace != "/" {
		prefix += namespace + ","
	}
	w.Send(prefix + auth)
	got := w.Read()
	if !strings.HasPrefix(got, prefix+`{"sid":"`) {
		t.Fatalf("rawpeer: entering %s was answered %.200q", namespace, got)
	}
	return field(got, "sid")
}

// Echo calls the event "echo" of the main namespace, which answers with its argument,
// and compares.
func Echo(t testing.TB, w Wire, text string) {
	t.Helper()
	quoted := strconv.Quote(text)
	w.Send(`4277["echo",` + quoted + `]`)
	WantPacket(t, w, `4377[`+quoted+`]`)
}

// EchoWS is [Echo] on plain WebSocket.
func EchoWS(t testing.TB, p *Peer, text string) {
	t.Helper()
	quoted := strconv.Quote(text)
	p.Send(`{"event":"echo","data":` + quoted + `,"id":77}`)
	p.Want(`{"id":77,"data":` + quoted + `}`)
}

// AliveWS checks that a plain WebSocket server still serves a new client. Its gateway
// must subscribe "echo" with func(ctx, string) (string, error).
func AliveWS(t testing.TB, addr, target string, opts ...DialOption) {
	t.Helper()
	p := Open(t, addr, target, opts...)
	EchoWS(t, p, "still here")
	p.Frame(Fin|OpClose, ClosePayload(1000, ""))
	p.WantClose(1000)
}

// AliveSocketIO is [AliveWS] for Socket.IO over WebSocket.
func AliveSocketIO(t testing.TB, addr string, opts ...DialOption) {
	t.Helper()
	alive(t, NewEngine(t, addr).WebSocket(opts...))
}

// AlivePolling is [AliveWS] for Socket.IO over polling.
func AlivePolling(t testing.TB, addr string) {
	t.Helper()
	alive(t, NewEngine(t, addr).Poll())
}

// alive also closes the session, so that the server does not wait for the client.
func alive(t testing.TB, w Wire) {
	t.Helper()
	Enter(t, w, "/", "")
	Echo(t, w, "still here")
	w.Send("1")
}
