package engineio

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// ask opens a session over the transport and returns the status and body of the response.
func (r *testServer) ask(transport string) (status int, body string) {
	r.t.Helper()
	if transport == "polling" {
		a := r.get(polling)
		return a.status, a.body
	}
	_, resp := r.handshake(overWebSocket)
	return resp.Status, resp.Body
}

var transports = []string{"polling", "websocket"}

func TestAllowRefuses(t *testing.T) {
	var answerErr error
	r := newTestServer(t, func(c *Config) {
		c.Allow = func(*http.Request) error {
			if answerErr == nil {
				panic("boom")
			}
			return answerErr
		}
	}, nil)
	for _, tt := range []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{
			"with a status", &websockets.Error{Message: "Who are you?", Code: "no_token", Details: []int{1}, Status: 401}, 401,
			`{"code":4,"message":"Who are you?","data":{"status":"error","message":"Who are you?","code":"no_token","details":[1]}}`,
		},
		{"without a status", websockets.NewError("No"), 403, `{"code":4,"message":"No","data":{"status":"error","message":"No"}}`},
		{"a plain error", errNo, 500, `{"code":4,"message":"Internal server error","data":{"status":"error","message":"Internal server error"}}`},
		{"a panic", nil, 500, `{"code":4,"message":"Internal server error","data":{"status":"error","message":"Internal server error"}}`},
	} {
		for _, transport := range transports {
			answerErr = tt.err
			if status, body := r.ask(transport); status != tt.status || body != tt.body {
				t.Errorf("%s over %s: %d %s\nwant %d %s", tt.name, transport, status, body, tt.status, tt.body)
			}
		}
	}
	if log := r.logs.String(); strings.Count(log, "a handshake panicked") != 2 || !strings.Contains(log, "boom") {
		t.Errorf("the panics are not in the log:\n%s", log)
	}
	if strings.Contains(r.logs.String(), "http: panic serving") {
		t.Error("the panic reached net/http")
	}
	if n := r.srv.Len(); n != 0 || len(r.opens) != 0 {
		t.Errorf("%d sessions, %d opened", n, len(r.opens))
	}
}

// Allow is called once per session, not for its later requests.
func TestAllowIsAskedOnce(t *testing.T) {
	asked := 0
	r := newTestServer(t, func(c *Config) { c.Allow = func(*http.Request) error { asked++; return nil } }, nil)
	p, h := r.poller()
	p.send("4a")
	h.wantMessage(t, "a")
	p.probe()
	if asked != 1 {
		t.Errorf("called %d times", asked)
	}
}

func TestAllowIsBounded(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, func(c *Config) {
					c.Limits.HandshakeTimeout = 7 * time.Second
					c.Allow = func(r *http.Request) error {
						<-r.Context().Done()
						return r.Context().Err()
					}
				}, nil)
				start := time.Now()
				if status, _ := r.ask(transport); status != 500 || time.Since(start) != 7*time.Second {
					t.Errorf("status %d after %v", status, time.Since(start))
				}
			})
		})
	}
}

func TestAllowEndsWithClose(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			asked := make(chan struct{})
			ended := make(chan error, 1)
			r := newTestServer(t, func(c *Config) {
				c.Allow = func(r *http.Request) error {
					close(asked)
					<-r.Context().Done()
					ended <- r.Context().Err()
					return r.Context().Err()
				}
			}, nil)
			refused := make(chan struct{})
			go func() {
				defer close(refused)
				r.ask(transport)
			}()
			testkit.Receive(t, "the check", asked)
			if err := r.srv.Close(context.Background()); err != nil {
				t.Error(err)
			}
			if err := testkit.Receive(t, "the end of the context", ended); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			testkit.Receive(t, "the answer", refused)
		})
	}
}

// A request that Allow accepts while the server closes is refused.
func TestAllowedTooLate(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			var r *testServer
			closed := make(chan error, 1)
			r = newTestServer(t, func(c *Config) {
				c.Allow = func(req *http.Request) error {
					go func() { closed <- r.srv.Close(context.Background()) }()
					<-req.Context().Done()
					return nil
				}
			}, nil)
			if transport == "polling" {
				if status, body := r.ask(transport); status != http.StatusServiceUnavailable {
					t.Errorf("answered %d %s", status, body)
				}
			} else {
				p, resp := r.handshake(overWebSocket)
				for resp.Status == http.StatusSwitchingProtocols { // the check came after the handshake
					if got, err := p.Next(); err != nil || got.First == opClose {
						break
					} else if got.Payload[0] != '0' {
						t.Errorf("got %s", got)
					}
				}
			}
			if err := testkit.Receive(t, "Close", closed); err != nil {
				t.Error(err)
			}
			if n := r.srv.Len(); n != 0 {
				t.Errorf("%d sessions", n)
			}
		})
	}
}
