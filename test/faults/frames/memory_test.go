package frames_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// heap returns the bytes in use after garbage collection, pools excluded.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// peak returns the largest growth of the heap, garbage included, while f runs.
func peak(f func()) uint64 {
	before := heap()
	most := before
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	f()
	close(stop)
	wg.Wait()
	return most - before
}

// flat is the allowance for garbage besides the expected memory.
const flat = 24 << 20

// TestCVE_2016_10542_V1_MessageOverTheLimit: A message over MaxMessage closes its connection with 1009, in one frame,
// in fragments, or only announced, and a partial message uses no more memory than was received; a message of exactly
// the limit is handled.
func TestCVE_2016_10542_V1_MessageOverTheLimit(t *testing.T) {
	const limit = 4 << 20
	lines(t, options{limits: websockets.Limits{MaxMessage: limit}}, func(t *testing.T, l *line) {
		p := l.open()
		p.Send(l.ofSize(limit))
		l.echo(p, "received")
		if l.Events() != 2 {
			t.Errorf("%d events", l.Events())
		}
		p.Close()
		l.WantGone(1)

		half := strings.Repeat("x", limit/2)
		for name, raw := range map[string]string{
			"one frame": text(l.ofSize(limit + 1)),
			"fragments": frame(0x01, half) + frame(0x00, half) + frame(0x80, "x"),
			"announced": rawpeer.Frame{First: 0x81, Claim: limit + 1}.Bytes(),
		} {
			p := l.open()
			_ = p.TryWrite(raw)
			if code, word := p.Closed(); code != 1009 {
				t.Errorf("%s: closed with %d %q", name, code, word)
			}
			p.Close()
		}
		reasons := l.WantGone(4)
		for _, r := range reasons[1:] {
			if r.Cause != websockets.CauseMessageTooBig {
				t.Errorf("reason %v", r)
			}
		}

		const many = 100
		before := heap()
		var peers []*rawpeer.Peer
		for range many {
			p := l.open()
			p.Write(rawpeer.Frame{First: 0x81, Claim: limit, Payload: "only this"}.Bytes())
			peers = append(peers, p)
		}
		l.echo(l.open(), "all were read before this")
		if grown := heap() - before; int64(grown) > many*(128<<10) {
			t.Errorf("%d announced messages of %d bytes use %d bytes", many, limit, grown)
		}
		for _, p := range peers {
			p.Reset()
		}
	})
}

// TestCVE_2026_48779_V7_TinyFragments: An unfinished message in fragments of one byte or none is closed with 1008
// after MaxFragments, or without that limit by MessageTimeout or MaxMessage, and a million fragments use no memory.
func TestCVE_2026_48779_V7_TinyFragments(t *testing.T) {
	const burst, most = 10_000, 1_000_000
	flood := func(t *testing.T, l *line, payload string, want int) (sent int) {
		t.Helper()
		raw := strings.Repeat(frame(0x00, payload), burst)
		grown := peak(func() {
			p := l.open()
			defer p.Close()
			p.Write(frame(0x01, payload))
			for sent < most && p.TryWrite(raw) == nil {
				sent += burst
			}
			code, word := p.Closed()
			if code != want && code != 1006 { // the client's write to a closed connection causes a reset
				t.Errorf("closed with %d %q", code, word)
			}
		})
		if grown > flat {
			t.Errorf("%d fragments of %d bytes used %d bytes", sent, len(payload), grown)
		}
		return sent
	}
	wantCode := func(t *testing.T, l *line, n, code int) {
		t.Helper()
		for _, r := range l.WantGone(n) {
			if r.Code != code {
				t.Errorf("reason %v, want the code %d", r, code)
			}
		}
	}
	t.Run("limit", func(t *testing.T) {
		lines(t, options{}, func(t *testing.T, l *line) {
			flood(t, l, "", 1008)
			flood(t, l, "x", 1008)
			wantCode(t, l, 2, 1008)
			l.alive()
		})
	})
	t.Run("limit of 10", func(t *testing.T) {
		closed(t, []fault{
			{"empty", frame(0x01, "") + strings.Repeat(frame(0x00, ""), 20), 1008},
			{"one byte", frame(0x01, "x") + strings.Repeat(frame(0x00, "x"), 20), 1008},
		})
	})
	t.Run("no limit", func(t *testing.T) {
		lines(t, options{fragments: -1, timeout: 3 * time.Second}, func(t *testing.T, l *line) {
			if sent := flood(t, l, "", 1008); sent < most { // the server reads continuously and counts only when it waits
				t.Errorf("closed after %d, before the timeout", sent)
			}
			wantCode(t, l, 1, 1008)
		})
		lines(t, options{fragments: -1}, func(t *testing.T, l *line) {
			flood(t, l, "x", 1009)
			wantCode(t, l, 1, 1009)
		})
	})
}

// TestFault_V8_PingFlood: A client that sends pings without end and never reads the pongs uses no memory, because
// only the last pending ping is answered; its connection is cut when it has read nothing for PingTimeout.
func TestFault_V8_PingFlood(t *testing.T) {
	limits := websockets.Limits{MaxMessage: maxMessage, PingTimeout: 2 * time.Second, CloseTimeout: time.Second}
	lines(t, options{limits: limits}, func(t *testing.T, l *line) {
		const burst = 1000
		raw := strings.Repeat(frame(rawpeer.Fin|rawpeer.OpPing, strings.Repeat("p", 120)), burst)
		sent := 0
		grown := peak(func() {
			p := l.open(rawpeer.WithReceiveBuffer(4096))
			for sent < 30*burst && p.TryWrite(raw) == nil { // on a busy machine it may be cut before
				sent += burst
			}
			fill := strings.Repeat("x", 10_000)
			for range 2000 { // pongs alone are too slow to fill the kernel's buffers
				_ = l.Server.Emit(t.Context(), "fill", fill, websockets.Volatile())
			}
			end := time.Now().Add(testkit.Patience)
			for time.Now().Before(end) && p.TryWrite(raw) == nil {
				sent += burst
			}
			p.Reset()
		})
		t.Logf("closed after %d pings", sent)
		if grown > flat {
			t.Errorf("%d pings used %d bytes", sent, grown)
		}
		r := l.WantGone(1)[0]
		if r.Cause != websockets.CauseTransportError && r.Cause != websockets.CausePingTimeout {
			t.Errorf("reason %v; log:\n%s", r, l.Log)
		}
		l.alive()
	})
}

// TestFault_V9_IdleAfterAMessage: A connection that is idle after a message keeps neither its read buffer nor its
// write buffer.
func TestFault_V9_IdleAfterAMessage(t *testing.T) {
	const many, most = 60, 4 << 10
	lines(t, options{limits: websockets.Limits{MaxMessage: 1 << 20}}, func(t *testing.T, l *line) {
		var peers []*rawpeer.Peer
		for range many {
			p := l.open()
			l.echo(p, "hi")
			peers = append(peers, p)
		}
		before := heap()
		for i, p := range peers {
			l.echo(p, strings.Repeat("x", 60_000))
			if i%2 == 0 { // messages in one packet, and fragments
				p.Write(strings.Repeat(text(l.message("noop", "x")), 100) + frame(0x01, l.message("noop", "y")) + frame(0x80, ""))
				l.echo(p, "hi")
			}
		}
		var grown int64
		if !testkit.Within(testkit.Patience, func() bool { // the last ones are idle a moment after their answers
			grown = int64(heap()) - int64(before)
			return grown <= many*most
		}) {
			t.Errorf("%d idle connections keep %d bytes each of what they have sent", many, grown/many)
		}
		runtime.KeepAlive(peers)
	})
}

// deflated returns a message in permessage-deflate encoding.
func deflated(payload []byte) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = w.Write(payload)
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// TestFault_V31_DeflateBomb: A compressed message that expands a thousandfold is closed with 1009 as soon as the
// output exceeds MaxMessage, in one frame or in fragments, and decompression stops there; GHSA-frh3-6pv6-rc8j.
func TestFault_V31_DeflateBomb(t *testing.T) {
	const limit = 20_000
	bomb := deflated(make([]byte, 8<<20))
	if len(bomb) > limit { // otherwise its compressed size alone is over the limit
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	lines(t, options{deflate: true, limits: websockets.Limits{MaxMessage: limit}}, func(t *testing.T, l *line) {
		l.opts = []rawpeer.DialOption{rawpeer.WithLines("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover")}
		p := l.open()
		if got := p.Header.Get("Sec-WebSocket-Extensions"); !strings.HasPrefix(got, "permessage-deflate") {
			t.Fatalf("compression was not negotiated: %q", got)
		}
		p.Write(frame(0xc1, deflated([]byte(l.ofSize(limit)))))
		l.echo(p, "a small one is accepted")
		if l.Events() != 2 {
			t.Errorf("%d events", l.Events())
		}
		p.Close()
		l.WantGone(1)
		var inFragments strings.Builder
		for i := range 100 {
			first := []byte{0x00, 0x41, 0x80}[min(max(1-i, 0), 1)+2*(i/99)]
			from, to := len(bomb)*i/100, len(bomb)*(i+1)/100
			inFragments.WriteString(frame(first, bomb[from:to]))
		}
		for name, raw := range map[string]string{"whole": frame(0xc1, bomb), "binary": frame(0xc2, bomb), "fragments": inFragments.String()} {
			var before, after runtime.MemStats
			p := l.open()
			n := len(l.Reasons())
			runtime.ReadMemStats(&before)
			_ = p.TryWrite(raw)
			code, word := p.Closed()
			l.Wait("the bomb's client has left", func() bool { return len(l.Reasons()) > n })
			runtime.ReadMemStats(&after)
			if code != 1009 {
				t.Errorf("%s: closed with %d %q", name, code, word)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 40*limit {
				t.Errorf("%s: %d bytes were allocated at a limit of %d", name, took, limit)
			}
			p.Close()
		}
		for _, r := range l.WantGone(4)[1:] {
			if r.Cause != websockets.CauseMessageTooBig {
				t.Errorf("reason %v", r)
			}
		}
		l.opts = nil
		l.alive()
	})
}

// TestFault_V35_Burst: A hundred thousand messages of one client, over WebSocket or polling, are handled in order
// without a goroutine for each: the number of goroutines stays nearly constant.
func TestFault_V35_Burst(t *testing.T) {
	const burst, few = 100_000, 12
	count := &tally{}
	o := options{limits: websockets.Limits{MaxMessage: 1 << 20}, more: count.options()}
	check := func(t *testing.T, before int) {
		t.Helper()
		if n, most, order := count.reset(); n != burst || most > before+few || !order {
			t.Errorf("%d of %d messages, in order: %t; %d goroutines, before it %d", n, burst, order, most, before)
		}
	}
	lines(t, o, func(t *testing.T, l *line) {
		p := l.open()
		l.echo(p, "hi")
		var b strings.Builder
		for i := range burst {
			b.WriteString(text(l.tick(i)))
		}
		before := runtime.NumGoroutine()
		p.Write(b.String())
		l.echo(p, "all were handled before this")
		check(t, before)
	})
	t.Run(byPolling, func(t *testing.T) {
		l := &line{t: t, name: overWS, Stage: pollingStage(t, o)}
		p := rawpeer.NewEngine(t, l.Addr).Poll()
		rawpeer.Enter(t, p, "/", "")
		before := runtime.NumGoroutine()
		for from := 0; from < burst; from += burst / 10 {
			var body []string
			for i := range burst / 10 {
				body = append(body, l.tick(from+i))
			}
			if a := p.Post(strings.Join(body, "\x1e")); a.Status != 200 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		rawpeer.Echo(t, p, "all were handled before this")
		check(t, before+2) // of the requests
		p.Abort()
		l.WantGone(1)
	})
}

func (l *line) tick(i int) string {
	if l.name == plain {
		return fmt.Sprintf(`{"event":"tick","data":%d}`, i)
	}
	return fmt.Sprintf(`42["tick",%d]`, i)
}
