package doors_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
)

// TestFault_F12_RouteBodyThatNeverComes: A request to an unknown path, which announces a body and does not send it,
// is answered or cut off in bounded time.
func TestFault_F12_RouteBodyThatNeverComes(t *testing.T) {
	opts := []stage.Option{stage.App(app.BodyTimeout(time.Second))}
	eachEndpoint(t, opts, func(t *testing.T, d *endpoint) {
		for _, line := range []string{"Content-Length: 5", "Transfer-Encoding: chunked"} {
			p := rawpeer.Dial(t, d.Addr)
			p.Write(rawpeer.Request("POST", "/nowhere", line) + "\r\n")
			if a, err := p.TryAnswer(); rawpeer.IsTimeout(err) {
				t.Fatalf("%s: nothing happens: %v", line, err)
			} else if err == nil && a.Status != 404 {
				t.Errorf("%s: %d %s", line, a.Status, a.Body)
			}
			p.Close()
		}
		d.alive()
	}, plain)
}
