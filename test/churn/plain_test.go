package churn_test

import (
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// plainKinds are the ways on plain WebSocket, and the heartbeat of both platforms.
func plainKinds(quick websockets.Option) []kind {
	unanswered := func() *countingGateway { return &countingGateway{cause: websockets.CausePingTimeout} }
	return []kind{
		{name: "plain WebSocket, closed", run: plainClosed, enters: 1, adapter: ws.New()},
		{name: "plain WebSocket, reset or cut in a frame", run: plainCut, enters: 1, adapter: ws.New()},
		{
			name: "plain WebSocket, pings not answered", run: plainMute, enters: 1, opts: []websockets.Option{quick},
			gateway: unanswered, adapter: ws.New(),
		},
		{name: "websocket, pings not answered", run: wsMute, enters: 1, opts: []websockets.Option{quick}, gateway: unanswered},
	}
}

// talk opens a plain WebSocket, and exchanges a message.
func talk(p *testApp) (*socket, error) {
	s, err := dialWS(p.addr, "/")
	if err == nil {
		err = s.send(`{"event":"talk","data":1,"id":1}`)
	}
	if err == nil {
		_, err = s.expect(`{"id":1,"data":2}`)
	}
	return s, err
}

func plainClosed(p *testApp, _ *caller, _ int) (func() error, error) {
	s, err := talk(p)
	if err != nil {
		return nil, err
	}
	return nil, s.close()
}

func plainCut(p *testApp, _ *caller, i int) (func() error, error) {
	s, err := talk(p)
	if err != nil {
		return nil, err
	}
	if i%2 == 0 {
		reset(s.conn)
		return nil, nil
	}
	_, _ = s.conn.Write([]byte{0x81, 0xff})
	return nil, s.conn.Close()
}

// awaitEnd reads until the server ends the connection, in any way.
func (s *socket) awaitEnd() error {
	defer s.conn.Close()
	_ = s.conn.SetReadDeadline(time.Now().Add(testkit.Patience))
	for {
		if _, _, err := s.next(); rawpeer.IsTimeout(err) {
			return err
		} else if err != nil {
			return nil
		}
	}
}

// plainMute answers neither pings nor the close frame.
func plainMute(p *testApp, _ *caller, _ int) (func() error, error) {
	s, err := dialWS(p.addr, "/")
	if err != nil {
		return nil, err
	}
	return s.awaitEnd, nil
}

func wsMute(p *testApp, _ *caller, _ int) (func() error, error) {
	s, _, err := enterInTime(p.addr, "40", "40{")
	if err != nil {
		return nil, err
	}
	return s.awaitEnd, nil
}
