package churn_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// What may be left, since the runtime and its tables are now and then a little
// larger at the second peak than at the first. A leak of one object, or of 100
// bytes, for each client is more.
const (
	heapEach     = 80
	heapLeast    = 256 << 10
	objectsEach  = 4 // one for so many clients
	objectsLeast = 500
)

const (
	pingInterval = 200 * time.Millisecond * slower
	pingTimeout  = 300 * time.Millisecond * slower
	// Long enough for a client that means to enter, see kicked.
	connectTimeout = 500 * time.Millisecond * slower
	// For those that do not mean to.
	noTime = 200 * time.Millisecond * slower
)

func kinds() []kind {
	quick := websockets.WithLimits(websockets.Limits{PingInterval: pingInterval, PingTimeout: pingTimeout})
	refusal := &websockets.Error{Message: "no", Status: http.StatusForbidden}
	recovery := socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: noTime}}
	greeting := func() *lobby {
		return &lobby{hook: func(_ context.Context, c websockets.Client) error {
			_ = c.Emit(context.Background(), "hello", "there")
			return nil
		}}
	}
	// The shortest timeout says how often the server looks at its clients; the
	// more often, the more of them it meets in the middle of something.
	often := socketio.Options{AttachmentTimeout: 50 * time.Millisecond}
	return []kind{
		{name: "polling closed", run: pollingClosed, enters: 1},
		{
			name: "polling abandoned", run: pollingAbandoned, enters: 1, opts: []websockets.Option{quick},
			lobby: func() *lobby { return &lobby{left: make(chan struct{}, waiting)} },
		},
		{name: "websocket closed", run: wsClosed, enters: 1},
		{name: "websocket reset", run: wsReset, enters: 1},
		{name: "upgraded and closed", run: upgraded, enters: 1, opts: []websockets.Option{often}},
		{name: "refused by AllowRequest", run: refusedRequest, opts: []websockets.Option{
			socketio.Options{AllowRequest: func(*http.Request) error { return refusal }},
		}},
		{name: "refused by Admit", run: refusedEntry, opts: []websockets.Option{
			websockets.Admit(func(context.Context, *websockets.Handshake) error { return refusal }),
		}},
		{name: "refused by a guard", run: refusedEntry, opts: []websockets.Option{
			websockets.UseGuards(bouncer{refusal}),
		}},
		{name: "refused by a guard of requests", run: refusedRequest, opts: []websockets.Option{
			websockets.UseGuards(porter{bouncer{refusal}}),
		}},
		{
			name: "plain WebSocket, refused by a guard", run: refusedUpgrade, opts: []websockets.Option{
				websockets.UseGuards(bouncer{refusal}),
			},
			adapter: ws.New(),
		},
		{name: "in no namespace", run: neverEnters, opts: []websockets.Option{
			socketio.Options{ConnectTimeout: noTime},
		}},
		{name: "dynamic namespace", run: dynamicNamespace, enters: 1, opts: []websockets.Option{
			websockets.Namespace("/orgs/{org}"),
		}},
		{
			name: "left during HandleConnection", run: leftEarly, enters: 1,
			lobby: func() *lobby {
				return &lobby{hook: func(ctx context.Context, _ websockets.Client) error {
					<-ctx.Done()
					return nil
				}}
			},
		},
		{
			name: "kicked", run: kicked, enters: 1,
			opts: []websockets.Option{socketio.Options{ConnectTimeout: connectTimeout}},
			lobby: func() *lobby {
				return &lobby{hook: func(_ context.Context, c websockets.Client) error {
					c.Disconnect()
					return nil
				}}
			},
		},
		{name: "cut in the handshake", run: cutHandshake, opts: []websockets.Option{
			socketio.Options{ConnectTimeout: noTime},
		}},
		{name: "cut in the upgrade", run: cutUpgrade, enters: 1, opts: []websockets.Option{often}},
		{name: "half a binary event", run: halfBinary, enters: 1},
		{name: "recovery, expired", run: recoveryExpired, enters: 1, lobby: greeting, opts: []websockets.Option{recovery}},
		{name: "recovery, left by DISCONNECT", run: recoveryLeft, enters: 1, lobby: greeting, opts: []websockets.Option{recovery}},
		{name: "recovery, came back and expired", run: recovered, enters: 2, lobby: greeting, opts: []websockets.Option{
			socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: connectTimeout}},
		}},
	}
}

func pollingClosed(_ *place, c *caller, i int) (func() error, error) {
	s, err := openPolling(c)
	if err == nil {
		err = s.enter()
	}
	if err == nil && i%2 == 0 {
		err = s.post("41")
	}
	if err == nil {
		err = s.post("1")
	}
	return nil, err
}

func pollingAbandoned(p *place, c *caller, _ int) (func() error, error) {
	for {
		s, err := openPolling(c)
		if err != nil {
			return nil, err
		}
		// On a busy machine its time may be over before it has begun.
		status, _, err := c.roundTrip(http.MethodPost, s.target, "40")
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusOK:
			return p.lobby.waitLeft, nil
		}
	}
}

// waitLeft waits until somebody has left. Whoever it was: as many wait as leave.
func (l *lobby) waitLeft() error {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-l.left:
		return nil
	case <-late.C:
		return fmt.Errorf("HandleDisconnect has not run within %v", patience)
	}
}

func wsClosed(p *place, _ *caller, _ int) (func() error, error) {
	s, _, err := enterWS(p.addr, "40", "40{")
	if err != nil {
		return nil, err
	}
	return nil, s.close()
}

func wsReset(p *place, _ *caller, _ int) (func() error, error) {
	s, _, err := enterWS(p.addr, "40", "40{")
	if err != nil {
		return nil, err
	}
	reset(s.conn)
	return nil, nil
}

// probe begins an upgrade.
func probe(p *place, c *caller) (s *poller, w *socket, err error) {
	s, err = openPolling(c)
	if err == nil {
		err = s.enter()
	}
	if err != nil {
		return nil, nil, err
	}
	sid := s.target[len(pollingTarget):]
	w, err = dialWS(p.addr, wsTarget+sid)
	if err == nil {
		err = w.send("2probe")
	}
	if err == nil {
		_, err = w.expect("3probe")
	}
	return s, w, err
}

func upgraded(p *place, c *caller, _ int) (func() error, error) {
	_, w, err := probe(p, c)
	if err == nil {
		err = w.send("5")
	}
	if err == nil {
		err = w.send(`421["talk",1]`)
	}
	if err == nil {
		_, err = w.expect("431[2]")
	}
	if err != nil {
		return nil, err
	}
	return nil, w.close()
}

// cutUpgrade goes on with polling after the cut, to leave.
func cutUpgrade(p *place, c *caller, _ int) (func() error, error) {
	s, w, err := probe(p, c)
	if err != nil {
		return nil, err
	}
	reset(w.conn)
	return nil, s.post("1")
}

func refusedRequest(_ *place, c *caller, i int) (func() error, error) {
	if i%2 == 0 {
		_, err := c.do(http.StatusForbidden, http.MethodGet, pollingTarget, "")
		return nil, err
	}
	_, err := dialWS(c.addr, wsTarget)
	if err == nil || err.Error() != "handshake: status 403" {
		return nil, fmt.Errorf("handshake: %v, want status 403", err)
	}
	return nil, nil
}

func refusedEntry(p *place, c *caller, i int) (func() error, error) {
	if i%2 == 0 {
		s, err := openPolling(c)
		if err == nil {
			err = s.post("40")
		}
		if err == nil {
			err = s.poll("44")
		}
		if err == nil {
			err = s.post("1")
		}
		return nil, err
	}
	s, _, err := enterWS(p.addr, "40", "44{")
	if err != nil {
		return nil, err
	}
	return nil, s.close()
}

func neverEnters(p *place, c *caller, i int) (func() error, error) {
	if i%2 == 0 {
		own := &caller{addr: c.addr}
		s, err := openPolling(own)
		return func() error {
			defer own.close()
			return s.over()
		}, err
	}
	s, err := openWS(p.addr)
	if err != nil {
		return nil, err
	}
	return s.ended, nil
}

func dynamicNamespace(p *place, _ *caller, i int) (func() error, error) {
	ns := fmt.Sprintf("/orgs/%d", i)
	s, _, err := enterWS(p.addr, "40"+ns, "40"+ns+",{")
	if err != nil {
		return nil, err
	}
	return nil, s.close()
}

func leftEarly(p *place, _ *caller, i int) (func() error, error) {
	s, _, err := enterWS(p.addr, "40", "40{")
	if err != nil {
		return nil, err
	}
	if i%2 == 0 {
		reset(s.conn)
		return nil, nil
	}
	return nil, s.close()
}

func kicked(p *place, _ *caller, i int) (func() error, error) {
	s, _, err := enterWS(p.addr, "40", "40{")
	if err == nil {
		_, err = s.expect("41")
	}
	if err != nil {
		return nil, err
	}
	if i%2 == 0 {
		return s.ended, nil // it stays until it has been in no namespace for too long
	}
	return nil, s.close()
}

// cutHandshake leaves in the middle of a request, and before the answer.
func cutHandshake(p *place, _ *caller, i int) (func() error, error) {
	conn, err := dial(p.addr)
	if err != nil {
		return nil, err
	}
	whole := upgradeRequest(wsTarget, p.addr)
	if i%2 == 0 {
		whole = request(http.MethodGet, pollingTarget, p.addr, "")
	}
	if i%4 < 2 {
		whole = whole[:len(whole)/2]
	}
	_, err = io.WriteString(conn, whole)
	reset(conn)
	return nil, err
}

func halfBinary(p *place, _ *caller, i int) (func() error, error) {
	s, _, err := enterWS(p.addr, "40", "40{")
	if err != nil {
		return nil, err
	}
	err = s.send(`452-["talk",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	if err == nil && i%2 == 0 { // one attachment, and a piece of the other
		const opBinary = 0x2
		b := append(frame(opBinary, "first"), frame(opBinary, "second")[:8]...)
		_, err = s.conn.Write(b)
	}
	reset(s.conn)
	return nil, err
}

// meet enters with recovery and waits for an event.
func meet(p *place, connect string) (s *socket, again string, err error) {
	s, b, err := enterWS(p.addr, connect, "40{")
	if err != nil {
		return nil, "", err
	}
	pid, err := field(b, "pid")
	if err == nil {
		b, err = s.expect(`42["hello","there","`)
	}
	if err != nil {
		return nil, "", err
	}
	offset := b[len(`42["hello","there","`) : len(b)-len(`"]`)]
	return s, fmt.Sprintf(`40{"pid":%q,"offset":%q}`, pid, offset), nil
}

func recoveryExpired(p *place, _ *caller, _ int) (func() error, error) {
	s, _, err := meet(p, "40")
	if err != nil {
		return nil, err
	}
	reset(s.conn)
	return nil, nil
}

func recoveryLeft(p *place, _ *caller, _ int) (func() error, error) {
	s, _, err := meet(p, "40")
	if err == nil {
		err = s.send("41")
	}
	if err != nil {
		return nil, err
	}
	return nil, s.close()
}

func recovered(p *place, _ *caller, _ int) (func() error, error) {
	s, again, err := meet(p, "40")
	if err != nil {
		return nil, err
	}
	reset(s.conn)
	s, next, err := meet(p, again)
	if err != nil {
		return nil, err
	}
	reset(s.conn)
	if a, b := again[:20], next[:20]; a != b {
		return nil, fmt.Errorf("was %s, and %s after it came back", a, b)
	}
	return nil, nil
}
