package serving_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// connect opens a connection, and sends something on it.
func connect(t *testing.T, addr net.Addr, send string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	if _, err := io.WriteString(c, send); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestField_X62_KeepAlive: A connection without a request was closed after 2 minutes, without an option, so that load
// balancers that keep theirs longer answered 502; app.KeepAlive sets the time, which does not apply to WebSockets.
func TestField_X62_KeepAlive(t *testing.T) {
	const idle = 100 * time.Millisecond
	a := apptest.New(t, gateway(), apptest.With(app.WebSockets(ws.New()), app.KeepAlive(idle)))
	socket := a.DialWS("/")
	start := time.Now() // before the request: the connection is idle as soon as its answer is sent
	c := connect(t, a.App().Addr(), "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("an idle connection: %v", err)
	}
	if took := time.Since(start); took < idle || took > 5*time.Second {
		t.Errorf("closed after %v", took)
	}
	if got := apptest.Call[string](socket, "echo", "hello"); got != "hello" {
		t.Errorf("echo: %q", got)
	}
}

// TestField_X62_HeaderTimeout: How long the header of a request may take was fixed at 10 s; app.HeaderTimeout sets it.
func TestField_X62_HeaderTimeout(t *testing.T) {
	a := apptest.New(t, gateway(), apptest.With(app.WebSockets(ws.New()), app.HeaderTimeout(100*time.Millisecond)))
	c := connect(t, a.App().Addr(), "GET /nowhere HTTP/1.1\r\nHost: x\r\n")
	start := time.Now()
	_, _ = io.Copy(io.Discard, c) // an answer, or none
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("closed after %v", took)
	}
}
