package churn_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Allowed growth, because the runtime and its tables may be slightly larger at the second peak
// than at the first. A leak of one object or of 100 bytes per client exceeds it.
const (
	heapEach     = 80
	heapLeast    = 256 << 10
	objectsEach  = 4 // one for this many clients
	objectsLeast = 500
)

const (
	pingInterval = 200 * time.Millisecond * slower
	pingTimeout  = 300 * time.Millisecond * slower
	// Long enough for a client that connects to a namespace, see disconnectedByServer.
	connectTimeout = 500 * time.Millisecond * slower
	// For clients that do not.
	shortTimeout = 200 * time.Millisecond * slower
)

func kinds() []kind {
	quick := websockets.WithLimits(websockets.Limits{PingInterval: pingInterval, PingTimeout: pingTimeout})
	rejection := &websockets.Error{Message: "no", Status: http.StatusForbidden}
	recovery := socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: shortTimeout}}
	greeting := func() *countingGateway {
		return &countingGateway{hook: func(_ context.Context, c websockets.Client) error {
			_ = c.Emit(context.Background(), "hello", "there")
			return nil
		}}
	}
	// The server's sweep interval follows the shortest timeout: more sweeps meet more clients in
	// the middle of something.
	often := socketio.Options{AttachmentTimeout: 50 * time.Millisecond}
	return append(plainKinds(quick), []kind{
		{name: "polling closed", run: pollingClosed, enters: 1},
		{
			name: "polling abandoned", run: pollingAbandoned, enters: 1, opts: []websockets.Option{quick},
			gateway: func() *countingGateway { return &countingGateway{left: make(chan struct{}, waiting)} },
		},
		{name: "websocket closed", run: wsClosed, enters: 1},
		{name: "websocket reset", run: wsReset, enters: 1},
		{name: "upgraded and closed", run: upgraded, enters: 1, opts: []websockets.Option{often}},
		{name: "rejected by AllowRequest", run: rejectedRequest, opts: []websockets.Option{
			socketio.Options{AllowRequest: func(*http.Request) error { return rejection }},
		}},
		{name: "rejected by Admit", run: rejectedConnect, opts: []websockets.Option{
			websockets.Admit(func(context.Context, *websockets.Handshake) error { return rejection }),
		}},
		{name: "rejected by a guard", run: rejectedConnect, opts: []websockets.Option{
			websockets.UseGuards(rejectingGuard{rejection}),
		}},
		{name: "rejected by a handshake guard", run: rejectedRequest, opts: []websockets.Option{
			websockets.UseGuards(rejectingHandshakeGuard{rejectingGuard{rejection}}),
		}},
		{
			name: "plain WebSocket, rejected by a guard", run: rejectedUpgrade, opts: []websockets.Option{
				websockets.UseGuards(rejectingGuard{rejection}),
			},
			adapter: ws.New(),
		},
		{name: "without a namespace", run: neverEnters, opts: []websockets.Option{
			socketio.Options{ConnectTimeout: shortTimeout},
		}},
		{name: "dynamic namespace", run: dynamicNamespace, enters: 1, opts: []websockets.Option{
			websockets.Namespace("/orgs/{org}"),
		}},
		{
			name: "disconnected during HandleConnection", run: leftEarly, enters: 1,
			gateway: func() *countingGateway {
				return &countingGateway{hook: func(ctx context.Context, _ websockets.Client) error {
					<-ctx.Done()
					return nil
				}}
			},
		},
		{
			name: "disconnected by the server", run: disconnectedByServer, enters: 1,
			opts: []websockets.Option{socketio.Options{ConnectTimeout: connectTimeout}},
			gateway: func() *countingGateway {
				return &countingGateway{hook: func(_ context.Context, c websockets.Client) error {
					c.Disconnect()
					return nil
				}}
			},
		},
		{name: "dropped during the handshake", run: dropDuringHandshake, opts: []websockets.Option{
			socketio.Options{ConnectTimeout: shortTimeout},
		}},
		{name: "dropped during the upgrade", run: dropDuringUpgrade, enters: 1, opts: []websockets.Option{often}},
		{name: "incomplete binary event", run: halfBinary, enters: 1},
		{name: "recovery, expired", run: recoveryExpired, enters: 1, gateway: greeting, opts: []websockets.Option{recovery}},
		{name: "recovery, left by DISCONNECT", run: recoveryLeft, enters: 1, gateway: greeting, opts: []websockets.Option{recovery}},
		{name: "recovery, recovered and expired", run: recovered, enters: 2, gateway: greeting, opts: []websockets.Option{
			socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: connectTimeout}},
		}},
	}...)
}

func pollingClosed(_ *testApp, c *caller, i int) (func() error, error) {
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

func pollingAbandoned(p *testApp, c *caller, _ int) (func() error, error) {
	for {
		s, err := openPolling(c)
		if err != nil {
			return nil, err
		}
		// On a busy machine the session may time out before its first request.
		status, _, err := c.roundTrip(http.MethodPost, s.target, "40")
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusOK:
			return p.gateway.waitLeft, nil
		}
	}
}

// waitLeft waits for any disconnect, one for each waiter.
func (l *countingGateway) waitLeft() error {
	late := time.NewTimer(testkit.Patience)
	defer late.Stop()
	select {
	case <-l.left:
		return nil
	case <-late.C:
		return fmt.Errorf("HandleDisconnect has not run within %v", testkit.Patience)
	}
}

func wsClosed(p *testApp, _ *caller, _ int) (func() error, error) {
	s, _, err := enterWS(p.addr, "40", "40{")
	if err != nil {
		return nil, err
	}
	return nil, s.close()
}

func wsReset(p *testApp, _ *caller, _ int) (func() error, error) {
	s, _, err := enterWS(p.addr, "40", "40{")
	if err != nil {
		return nil, err
	}
	reset(s.conn)
	return nil, nil
}

// probe starts an upgrade.
func probe(p *testApp, c *caller) (s *poller, w *socket, err error) {
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

func upgraded(p *testApp, c *caller, _ int) (func() error, error) {
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

// dropDuringUpgrade drops the upgrade and closes the session over polling.
func dropDuringUpgrade(p *testApp, c *caller, _ int) (func() error, error) {
	s, w, err := probe(p, c)
	if err != nil {
		return nil, err
	}
	reset(w.conn)
	return nil, s.post("1")
}

func rejectedRequest(_ *testApp, c *caller, i int) (func() error, error) {
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

func rejectedConnect(p *testApp, c *caller, i int) (func() error, error) {
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

func neverEnters(p *testApp, c *caller, i int) (func() error, error) {
	if i%2 == 0 {
		own := &caller{addr: c.addr}
		s, err := openPolling(own)
		return func() error {
			defer own.close()
			return s.awaitEnd()
		}, err
	}
	s, err := openWS(p.addr)
	if err != nil {
		return nil, err
	}
	return s.awaitServerClose, nil
}

func dynamicNamespace(p *testApp, _ *caller, i int) (func() error, error) {
	ns := fmt.Sprintf("/orgs/%d", i)
	s, _, err := enterWS(p.addr, "40"+ns, "40"+ns+",{")
	if err != nil {
		return nil, err
	}
	return nil, s.close()
}

func leftEarly(p *testApp, _ *caller, i int) (func() error, error) {
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

func disconnectedByServer(p *testApp, _ *caller, i int) (func() error, error) {
	s, _, err := enterInTime(p.addr, "40", "40{")
	if err == nil {
		_, err = s.expect("41")
	}
	if err != nil {
		return nil, err
	}
	if i%2 == 0 {
		return s.awaitServerClose, nil // stays until ConnectTimeout without a namespace
	}
	return nil, s.close()
}

// dropDuringHandshake drops the connection in the middle of a request, and before the answer.
func dropDuringHandshake(p *testApp, _ *caller, i int) (func() error, error) {
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

func halfBinary(p *testApp, _ *caller, i int) (func() error, error) {
	s, _, err := enterWS(p.addr, "40", "40{")
	if err != nil {
		return nil, err
	}
	err = s.send(`452-["talk",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	if err == nil && i%2 == 0 { // one attachment, and a part of the other
		const opBinary = 0x2
		b := append(frame(opBinary, "first"), frame(opBinary, "second")[:8]...)
		_, err = s.conn.Write(b)
	}
	reset(s.conn)
	return nil, err
}

// connectWithRecovery connects with recovery and waits for an event.
func connectWithRecovery(p *testApp, connect string) (s *socket, again string, err error) {
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
	// An answer: HandleConnection, which sends hello, has returned. Before that a client
	// is not recovered.
	if err := s.send(`421["talk",1]`); err != nil {
		return nil, "", err
	}
	if _, err := s.expect(`431[2]`); err != nil {
		return nil, "", err
	}
	return s, fmt.Sprintf(`40{"pid":%q,"offset":%q}`, pid, offset), nil
}

func recoveryExpired(p *testApp, _ *caller, _ int) (func() error, error) {
	s, _, err := connectWithRecovery(p, "40")
	if err != nil {
		return nil, err
	}
	reset(s.conn)
	return nil, nil
}

func recoveryLeft(p *testApp, _ *caller, _ int) (func() error, error) {
	s, _, err := connectWithRecovery(p, "40")
	if err == nil {
		err = s.send("41")
	}
	if err != nil {
		return nil, err
	}
	return nil, s.close()
}

func recovered(p *testApp, _ *caller, _ int) (func() error, error) {
	s, again, err := connectWithRecovery(p, "40")
	if err != nil {
		return nil, err
	}
	since := time.Now()
	reset(s.conn)
	s, next, err := connectWithRecovery(p, again)
	if err != nil {
		return nil, err
	}
	reset(s.conn)
	if a, b := again[:20], next[:20]; a != b && time.Since(since) < connectTimeout { // otherwise the machine is busy
		return nil, fmt.Errorf("was %s, and %s after the recovery", a, b)
	}
	return nil, nil
}
