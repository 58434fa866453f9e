package apptest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// texts is a protocol of one JSON string a line, which is an event; it only receives.
type texts struct {
	net.Conn

	r *bufio.Reader
}

func (x *texts) NetConn() net.Conn { return x.Conn }

func (x *texts) Send(context.Context, apptest.Packet) error { return errors.ErrUnsupported }

func (x *texts) Receive() (p apptest.Packet, err error) {
	b, err := x.r.ReadBytes('\n')
	if err != nil {
		return p, err
	}
	p.Kind, p.Text = apptest.PacketEvent, string(b)
	return p, json.Unmarshal(b, &p.Event)
}

// serveTexts starts a server over TLS that upgrades to texts, and sends a text.
func serveTexts(t *testing.T, text string) (apptest.OpenFunc, apptest.DialOption) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "texts" || r.Header.Get("X-User") == "eve" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"message":"Not you"}`)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: texts\r\n\r\n"+text)
		_ = conn.Close()
	}))
	t.Cleanup(server.Close)
	open := func(ctx context.Context, o *apptest.DialConfig) (apptest.Wire, error) {
		conn, err := o.Upgrade(ctx, server.URL, "texts")
		if err != nil {
			return nil, err
		}
		return &texts{conn, bufio.NewReader(conn)}, nil
	}
	cfg := server.Client().Transport.(*http.Transport).TLSClientConfig
	return open, apptest.WithTLS(&tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS13})
}

func TestDialProtocolOfYourOwn(t *testing.T) {
	open, secure := serveTexts(t, "\"hello\"\n\"bye\"\n")
	c := apptest.Dial(t, open, secure)
	c.ExpectMessage("hello")
	c.ExpectMessage("bye")
	if got := c.ExpectClose(); got != (apptest.Close{Code: 1006}) {
		t.Errorf("a cut connection: %v", got)
	}
	c.Raw().Expect("\"hello\"\n")
	if c.ID() != "" || c.Subprotocol() != "" || c.Header() != nil {
		t.Errorf("id %q, subprotocol %q, header %v: want none", c.ID(), c.Subprotocol(), c.Header())
	}
	if err := c.TryEmit("e"); err == nil {
		t.Error("an event was sent on a closed connection")
	}
}

func TestDialRejected(t *testing.T) {
	open, secure := serveTexts(t, "")
	_, err := apptest.TryDial(t, open, secure, apptest.WithHeader(http.Header{"X-User": {"eve"}}))
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != http.StatusForbidden || e.Message != "Not you" {
		t.Errorf("got %v", err)
	}
}

func TestDialViolation(t *testing.T) {
	open, secure := serveTexts(t, "7\n")
	r := &testkit.Recorder{TB: t}
	c := apptest.Dial(r, open, secure, apptest.WithTimeout(5*time.Second))
	if got := c.ExpectClose(); got.Code != 1002 {
		t.Errorf("close %v", got)
	}
	r.Want("the server violated the protocol")
}

func TestCancelUnsupported(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		err := dial().TryCancel(apptest.Message{Event: "echo"})
		if err == nil {
			t.Error("a request was cancelled that no message names")
		}
	})
}
