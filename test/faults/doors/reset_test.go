package doors_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

// TestCVE_2022_41940_V12_ResetWhileRefused: 1,000 clients reset their connection while their handshake is refused,
// accepted, or read; nothing is logged as an error, no client is left, and the server stays alive.
func TestCVE_2022_41940_V12_ResetWhileRefused(t *testing.T) {
	eachEndpoint(t, nil, func(t *testing.T, d *endpoint) {
		requests := []string{
			d.request("Sec-WebSocket-Version: 8", "Origin: https://evil.example"),
			d.request("Origin: https://evil.example"),
			d.request("Sec-WebSocket-Key: x", "Content-Length: 100000"),
			rawpeer.Request(http.MethodGet, d.target, "Upgrade: websocket") + "\r\n",
			d.request(),
			d.request()[:60],
		}
		for i := range 1000 {
			p := rawpeer.Dial(t, d.Addr)
			p.Write(requests[i%len(requests)])
			if i%4 == 3 && i%len(requests) != 5 { // after reading part of the answer
				_, _ = p.R.Peek(1)
			}
			p.Reset()
		}
		d.alive()
		d.WantGone(d.Connects())
		d.quiet()
	})
}
