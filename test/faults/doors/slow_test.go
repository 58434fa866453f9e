package doors_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// endless is a header that never ends, longer than any timeout allows.
var endless = strings.Repeat("X: y\r\n", 1000)

// TestFault_F11_SlowHeaders: A request whose header arrives at one byte a second is cut off after ReadHeaderTimeout,
// 10 s, although it makes progress, and others are served meanwhile.
func TestFault_F11_SlowHeaders(t *testing.T) {
	slowly(t, func(p *rawpeer.Peer, raw string, stop <-chan struct{}) {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for i := range len(raw) {
			select {
			case <-stop:
				return
			case <-tick.C:
				if p.TryWrite(raw[i:i+1]) != nil {
					return
				}
			}
		}
	})
}

// TestFault_F12_RequestThatNeverEnds: A handshake that stops before its empty line, in the middle of its first line,
// or before its first byte is cut off and leaves no goroutine behind.
func TestFault_F12_RequestThatNeverEnds(t *testing.T) {
	slowly(t, func(p *rawpeer.Peer, raw string, _ <-chan struct{}) {
		_ = p.TryWrite(raw)
	})
}

// slowly makes a client of each kind write its request by f, and waits until all have been cut off. They wait
// concurrently.
func slowly(t *testing.T, f func(p *rawpeer.Peer, raw string, stop <-chan struct{})) {
	t.Helper()
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		d.alive()
		before := runtime.NumGoroutine()
		whole := strings.TrimSuffix(d.request(), "\r\n")
		var peers []*rawpeer.Peer
		stop := make(chan struct{})
		done := make(chan struct{})
		cuts := []string{whole, whole[:len(whole)-1], whole[:3], "", whole + endless[:600]}
		for _, raw := range cuts {
			p := rawpeer.Dial(t, d.Addr)
			peers = append(peers, p)
			go func() {
				defer func() { done <- struct{}{} }()
				f(p, raw, stop)
			}()
		}
		d.alive()
		for _, p := range peers {
			p.WantEnd()
			p.Close()
		}
		close(stop)
		for range cuts {
			<-done
		}
		d.Wait("its goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
		if d.Connects() != 2 {
			t.Errorf("the gateway saw %d clients", d.Connects())
		}
		d.alive()
	}, plain)
}

// TestFault_F12_SocketThatSaysNothing: A client that has opened a session and enters no namespace is closed after
// ConnectTimeout, and is not counted as a client.
func TestFault_F12_SocketThatSaysNothing(t *testing.T) {
	eachEndpoint(t, []stage.Option{stage.Gateway(socketio.Options{ConnectTimeout: 300 * time.Millisecond})}, func(t *testing.T, d *endpoint) {
		e := rawpeer.NewEngine(t, d.Addr)
		if d.polling {
			if a := e.Poll().Get(); a.Body != "1" {
				t.Errorf("the poll was answered %d %s", a.Status, a.Body)
			}
		} else {
			e.WebSocket().WantClose(1001)
		}
		if d.Connects() != 0 {
			t.Errorf("the gateway saw %d clients", d.Connects())
		}
	}, overWS, byPolling)
}

// TestFault_F12_BodyThatNeverComes: A handshake, valid or invalid, that announces a body and does not send it is
// answered at once, and its connection closed, so that nothing waits for the body.
func TestFault_F12_BodyThatNeverComes(t *testing.T) {
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		const body, chunks = "Content-Length: 5", "Transfer-Encoding: chunked"
		for _, line := range []string{body, chunks} {
			for _, raw := range []string{
				d.request(line), d.request(line, "Upgrade"), d.request(line, "Sec-WebSocket-Version: 8"), d.request(line, "Origin: https://evil.example"),
				method("PUT")(d), strings.Replace(d.request(line), "GET", "PUT", 1), strings.Replace(d.request(line), "GET", "OPTIONS", 1),
			} {
				p := rawpeer.Dial(t, d.Addr)
				p.Write(raw)
				if a, err := p.TryAnswer(); err != nil {
					t.Fatalf("%q: %v", raw, err)
				} else if a.Status == 101 {
					t.Errorf("%q opened a WebSocket", raw)
				}
				p.Close()
			}
		}
		d.alive()
	})
}
