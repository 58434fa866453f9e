package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// failedAttempt returns the error of the first attempt to connect.
func failedAttempt(t *testing.T, url string, o client.Options) error {
	t.Helper()
	waits := make(chan error, 100)
	o.FirstRetry, o.LongestRetry = time.Hour, time.Hour
	o.OnState = func(s client.State, err error) {
		if s == client.Waiting {
			waits <- err
		}
	}
	c := prepare(t, url, o)
	connected := make(chan error, 1)
	go func() { connected <- c.Connect(t.Context()) }()
	err := testkit.Receive(t, "a failed attempt", waits)
	_ = c.Close(t.Context())
	testkit.Receive(t, "the end of Connect", connected)
	return err
}

// A server that redirects without end has few requests.
func TestRedirectLoop(t *testing.T) {
	var requests atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		http.Redirect(w, r, "/again", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	err := failedAttempt(t, s.URL, client.Options{})
	if want := "handshake: the server has redirected the handshake more than 10 times"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if n := requests.Load(); n != 11 {
		t.Errorf("%d requests", n)
	}
}

// A redirect to a gateway is followed. Subprotocols do not go to another host, nor anything from TLS to plain text.
func TestRedirect(t *testing.T) {
	_, url := started(t)
	var to atomic.Value
	var offered atomic.Value
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/there" {
			offered.Store(r.Header.Get("Sec-WebSocket-Protocol") + r.Header.Get("Authorization"))
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, to.Load().(string), http.StatusTemporaryRedirect)
	})
	here, there, secure := httptest.NewServer(handler), httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer here.Close()
	defer there.Close()
	defer secure.Close()
	to.Store(url)
	if got := call(t, dial(t, here.URL, client.Options{}), Fail, "x"); got != "x" {
		t.Errorf("got %q", got)
	}
	asked := 0
	o := client.Options{
		Token: func(context.Context) (string, error) { return "secret", nil }, TokenIn: client.InSubprotocol,
		HTTPClient: &http.Client{Transport: secure.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			asked++
			return nil
		}},
	}
	for _, x := range []struct{ to, want string }{{here.URL, "gatehouse.v1,bearer,secret"}, {there.URL, "gatehouse.v1"}} {
		to.Store(x.to + "/there")
		if err := failedAttempt(t, here.URL, o); err == nil {
			t.Error("it is connected")
		}
		if got := strings.ReplaceAll(offered.Load().(string), " ", ""); got != x.want {
			t.Errorf("at %s it offers %q, want %q", x.to, got, x.want)
		}
	}
	offered.Store("")
	err := failedAttempt(t, secure.URL, o)
	if err == nil || !strings.Contains(err.Error(), "from wss to ws") || offered.Load() != "" {
		t.Errorf("from TLS: %v, and it offers %q", err, offered.Load())
	}
	if asked != 2 {
		t.Errorf("CheckRedirect of the application is called %d times", asked)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
