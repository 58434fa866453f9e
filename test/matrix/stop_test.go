package matrix_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestStopIsPrompt: clients that follow the protocol do not delay the stop, in any state of their
// connection. A delay would be the close timeout or a heartbeat.
func TestStopIsPrompt(t *testing.T) {
	const closeTimeout, prompt = 30 * time.Second, 10 * time.Second
	n := nodetest.Start(t)
	dial := func(transport string) func(t *testing.T, url string) {
		return func(t *testing.T, url string) {
			c := n.SocketIO(url, nodetest.Opts{"transports": []string{transport}})
			c.Call("echo", 1)
		}
	}
	for name, enter := range map[string]func(t *testing.T, url string){
		"polling":   dial("polling"),
		"websocket": dial("websocket"),
		"polling, disconnected when the stop starts": func(t *testing.T, url string) {
			c := n.SocketIO(url, nodetest.Opts{"transports": []string{"polling"}})
			c.Call("echo", 1)
			c.Disconnect()
		},
		"in no namespace": func(t *testing.T, url string) {
			conn, _, err := websocket.Dial(t.Context(), url+"/socket.io/?EIO=4&transport=websocket", nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := conn.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, _, err := conn.Read(context.Background())
				ended <- err
			}()
			t.Cleanup(func() {
				if err := <-ended; err == nil {
					t.Error("a message to a client without a namespace")
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := startApp(t, "127.0.0.1:0", websockets.WithLimits(websockets.Limits{CloseTimeout: closeTimeout}))
			enter(t, a.url)
			started := time.Now()
			if err := a.stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
			if took := time.Since(started); took > prompt {
				t.Errorf("the stop took %v", took)
			}
		})
	}
}

// TestStopReachesPollingClient: a client without an open poll when the stop starts receives its
// events and the close with its next poll.
func TestStopReachesPollingClient(t *testing.T) {
	a := startApp(t, "127.0.0.1:0", websockets.WithLimits(websockets.Limits{CloseTimeout: 30 * time.Second}))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	exchange := func(method, query, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, a.url+"/socket.io/?EIO=4&transport="+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	_, open := exchange(http.MethodGet, "polling", "")
	var hello struct{ SID string }
	if err := json.Unmarshal([]byte(open[1:]), &hello); err != nil {
		t.Fatalf("%s: %v", open, err)
	}
	mine := "polling&sid=" + hello.SID
	exchange(http.MethodPost, mine, "40")
	exchange(http.MethodGet, mine, "")
	if err := a.gateway.Server.Emit(t.Context(), "last", "words"); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- a.stop() }()
	testkit.Eventually(t, "the server is closing", func() bool {
		status, _ := exchange(http.MethodGet, "none", "")
		return status == http.StatusServiceUnavailable
	})
	status, body := exchange(http.MethodGet, mine, "")
	if want := "42[\"last\",\"words\"]\x1e1"; status != http.StatusOK || body != want {
		t.Errorf("the last poll: %d %q, want %q", status, body, want)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
