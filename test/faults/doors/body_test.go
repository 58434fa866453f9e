package doors_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestCVE_2020_36048_V10_HugeBody: A POST over MaxMessage, by its Content-Length or in chunks, is answered with 413
// without being buffered, and ends its session with the reason of a message too big; one of exactly the limit is
// accepted.
func TestCVE_2020_36048_V10_HugeBody(t *testing.T) {
	const limit = 100_000
	limits := stage.Limits(websockets.Limits{MaxMessage: limit, CloseTimeout: 300 * time.Millisecond})
	chunk := fmt.Appendf(nil, "%x\r\n%s\r\n", 64<<10, strings.Repeat("x", 64<<10))
	eachEndpoint(t, []stage.Option{limits}, func(t *testing.T, d *endpoint) {
		e := rawpeer.NewEngine(t, d.Addr)
		in := func() *rawpeer.Poller {
			p := e.Poll()
			rawpeer.Enter(t, p, "/", "")
			return p
		}

		p := in()
		p.Send(`42["noop","` + strings.Repeat("x", limit-len(`42["noop",""]`)) + `"]`)
		if a := p.Post(strings.Repeat("x", limit+1)); a.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("one byte over the limit: %d", a.Status)
		}

		p = in()
		head := func(line string) string {
			return rawpeer.Request(http.MethodPost, p.Query("polling", p.SID), "Content-Type: text/plain", line) + "\r\n"
		}
		if a := e.Do(head("Content-Length: 1000000000000")); a.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("1 TB announced: %d", a.Status)
		}

		p = in()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		poster := e.Start(head("Transfer-Encoding: chunked"))
		sent := 0
		for ; sent < 1000; sent++ {
			if _, err := poster.TCP.Write(chunk); err != nil { // allocates nothing
				break
			}
		}
		runtime.ReadMemStats(&after)
		if sent == 1000 {
			t.Error("64 MB of chunks were accepted")
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 40*limit {
			t.Errorf("%d bytes were allocated for a body with the limit %d", got, limit)
		}
		if a, err := poster.TryAnswer(); err == nil && a.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("chunks: %d", a.Status)
		}
		reasons := d.WantGone(3)
		for _, r := range reasons {
			if r.Cause != websockets.CauseMessageTooBig {
				t.Errorf("reason %v", r)
			}
		}
		if a := p.Get(); a.Status != http.StatusBadRequest && a.Body != "1" { // the close packet, once
			t.Errorf("a poll of the ended session: %d %q", a.Status, a.Body)
		}
		if a := p.Get(); a.Status != http.StatusBadRequest {
			t.Errorf("another poll of the ended session: %d", a.Status)
		}
		rawpeer.AlivePolling(t, d.Addr)
		d.WantGone(4)
		d.quiet()
	}, byPolling)
}
