package sessions_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// postHead returns the header of a POST whose body the test writes itself.
func postHead(s *rawpeer.Poller, lines ...string) string {
	return rawpeer.Request(http.MethodPost, s.Query("polling", s.SID), lines...) + "\r\n"
}

// heap returns the live heap after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// chunk returns a chunk of a chunked body.
func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

// TestCVE_2020_36048_V10_EndlessBody: A POST over the size limit of a message is answered with 413, at once if it has
// a Content-Length, and before it is read completely if not; the session ends, because its client has lost data.
func TestCVE_2020_36048_V10_EndlessBody(t *testing.T) {
	const limit = 100_000
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter, websockets.WithLimits(websockets.Limits{MaxMessage: limit}))
		s := h.Enter(t)
		announced := s.Do(postHead(s, "Content-Length: 4000000000"))
		if announced.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("4 GB announced: %d %.100s", announced.Status, announced.Body)
		}
		h.WantLeft(t, websockets.CauseMessageTooBig)

		s = h.Enter(t)
		p := s.Start(postHead(s, "Transfer-Encoding: chunked"))
		sent := make(chan int, 1)
		piece := chunk(strings.Repeat("a", 64<<10))
		go func() {
			n := 0
			for n < 256<<20 && p.TryWrite(piece) == nil {
				n += len(piece)
			}
			sent <- n
		}()
		// The server closes the connection while the body is being sent: the answer may be lost, the reason is not.
		if a, err := p.TryAnswer(); err == nil && a.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("an endless body: %d %.100s", a.Status, a.Body)
		}
		h.WantLeft(t, websockets.CauseMessageTooBig)
		p.Close()
		if n := <-sent; n > 64<<20 { // the rest is in the buffers of two sockets
			t.Errorf("the server read %d bytes of a body with a limit of %d", n, limit)
		}
		h.Alone(t)
	})
}

// TestCVE_2020_36048_V10_BodyAtTheLimit: A body of exactly the limit is accepted, and one byte more is answered with
// 413.
func TestCVE_2020_36048_V10_BodyAtTheLimit(t *testing.T) {
	const limit = 100_000
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter, websockets.WithLimits(websockets.Limits{MaxMessage: limit}))
		event := func(n int) string {
			const around = `421["echo",""]`
			return `421["echo","` + strings.Repeat("a", n-len(around)) + `"]`
		}
		s := h.Enter(t)
		s.Send(event(limit))
		if got := s.Read(); len(got) < limit-10 {
			t.Errorf("%d bytes back", len(got))
		}
		if a := s.Post(event(limit + 1)); a.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("one byte more: %d", a.Status)
		}
		h.WantLeft(t, websockets.CauseMessageTooBig)
		wantGone(t, s)
	})
}

// TestCVE_2026_59725_V14_BinaryBody: A POST of binary content to a polling session is answered with 400 and finished,
// and the session is closed, so that a hundred of them leave neither a request nor a session behind.
func TestCVE_2026_59725_V14_BinaryBody(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		for _, kind := range []string{"application/octet-stream", "Application/Octet-Stream; charset=binary"} {
			s := h.Enter(t)
			a := s.Do(rawpeer.Post(s.Query("polling", s.SID), `42["noop",1]`, "Content-Type: "+kind))
			wantRefused(t, kind, a, http.StatusBadRequest, codeRequest)
			wantGone(t, s)
			h.Left(t)
		}
		const n = 100
		for range n { // without a namespace, as in the report
			s := h.Engine(t).Poll()
			a := s.Do(rawpeer.Post(s.Query("polling", s.SID), "3", "Content-Type: application/octet-stream"))
			wantRefused(t, "one of many", a, http.StatusBadRequest, codeRequest)
		}
		h.Alone(t)
	})
}

// TestFault_F40_BodiesOfNothing: A POST body with a wrong separator, a million empty packets or invalid base64 is
// answered with 400, nothing after the mistake is handled, and the session ends with a parse error.
func TestFault_F40_BodiesOfNothing(t *testing.T) {
	event := `42["noop",1]`
	bodies := map[string]string{
		"nothing":                   "",
		"a separator":               "\x1e",
		"a separator behind":        "3\x1e",
		"a separator before":        "\x1e3",
		"999,999 empty packets":     strings.Repeat("\x1e", 999_999),
		"empty between":             "3\x1e\x1e" + event,
		"another separator":         "\x1f3",
		"a length as of EIO 3":      "9:" + event,
		"base64 garbage":            "b!!!",
		"base64 garbage, then more": "b!!!\x1e" + event,
		"base64 without padding":    "bAQ",
		"base64 of URLs":            "b-_-_",
		"base64 with a line":        "bAQ\nI=",
		"a type that is none":       "9",
		"an unknown one, then more": "x\x1e" + event,
		"form":                      "d=4%3A42",
		"NUL":                       "\x00",
	}
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		for what, body := range bodies {
			s := h.Enter(t)
			handled := h.Events()
			if a := s.Post(body); a.Status != http.StatusBadRequest {
				t.Errorf("%s: %d %.100s", what, a.Status, a.Body)
			}
			if got := h.Left(t).Cause; got != websockets.CauseParseError && got != websockets.CauseTransportError {
				t.Errorf("%s: ended with %q", what, got)
			}
			wantGone(t, s)
			if n := h.Events() - handled; n != 0 {
				t.Errorf("%s: %d events after it were handled", what, n)
			}
		}
		h.Alone(t)
	})
}

// TestFault_F40_BodyThatIsNotUTF8: A POST body that is not UTF-8 is answered with 400 and ends the session with a
// parse error, where the reference replaces the invalid bytes.
func TestFault_F40_BodyThatIsNotUTF8(t *testing.T) {
	h := harness.New(t, socketIO())
	s := h.Enter(t)
	for _, body := range []string{"42[\"noop\",\"\xff\"]", "\xff", "42[\"noop\",\"\xed\xa0\x80\"]", "42[\"noop\",\"\xc0\xaf\"]"} {
		wantRefused(t, body, s.Post(body), http.StatusBadRequest, codeRequest)
		h.WantLeft(t, websockets.CauseParseError)
		s = h.Enter(t)
	}
	s.Send("1")
}

// TestFault_F40_ManySmallPackets: A body of half a million pongs is handled in time linear in its length, and the
// session continues.
func TestFault_F40_ManySmallPackets(t *testing.T) {
	h := harness.New(t, socketIO())
	s := h.Enter(t)
	post := func(n int) time.Duration {
		body := strings.Repeat("3\x1e", n-1) + "3"
		best := time.Duration(1 << 62)
		for range 5 {
			started := time.Now()
			s.Send(body)
			best = min(best, time.Since(started))
		}
		return best
	}
	few, many := post(25_000), post(499_999)
	if many > 200*max(few, time.Millisecond) { // twenty times as many; quadratic would be 400
		t.Errorf("25,000 packets took %v, 499,999 took %v", few, many)
	}
	rawpeer.Echo(t, s, "unharmed")
	s.Send("1")
}

// TestFault_F41_ContentLengthTooLong: A POST that ends before its Content-Length ends its session with a transport
// error, and no partial packet is handled.
func TestFault_F41_ContentLengthTooLong(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		handled := h.Events()
		p := s.Start(postHead(s, "Content-Length: 100") + `42["noop",1]`)
		p.HalfClose()
		if a, err := p.TryAnswer(); err == nil && a.Status != http.StatusBadRequest {
			t.Errorf("answered %d %.100s", a.Status, a.Body)
		}
		h.WantLeft(t, websockets.CauseTransportError)
		wantGone(t, s)
		if h.Events() != handled {
			t.Error("half of a body was handled")
		}
	})
}

// TestFault_F41_ContentLengthTooShort: Of a POST whose Content-Length is too short only that many bytes are read, the
// rest is an invalid request and refused with 400, and a length that is not a number, or is sent twice, is refused
// likewise.
func TestFault_F41_ContentLengthTooShort(t *testing.T) {
	harness.Engines(t, func(t *testing.T, adapter adapter.Adapter) {
		h := harness.New(t, adapter)
		s := h.Enter(t)
		event := `421["echo","x"]`
		p := s.Start(postHead(s, fmt.Sprint("Content-Length: ", len(event))) + event + "1\x1e1\r\n\r\n")
		if a := p.Answer(); a.Body != "ok" {
			t.Errorf("the first Content-Length bytes: %d %.100s", a.Status, a.Body)
		}
		if a := p.Answer(); a.Status != http.StatusBadRequest {
			t.Errorf("the rest: %d %.100s", a.Status, a.Body)
		}
		rawpeer.WantPacket(t, s, `431["x"]`)
		for _, lines := range [][]string{
			{"Content-Length: -1"}, {"Content-Length: 1e3"}, {"Content-Length: 99999999999999999999"},
			{"Content-Length: 3", "Content-Length: 4"}, {"Transfer-Encoding: gzip, chunked"}, {"Transfer-Encoding: chunked", "Content-Length: 1, 2"},
		} {
			if a := s.Do(postHead(s, lines...)); a.Status != http.StatusBadRequest && a.Status != http.StatusNotImplemented {
				t.Errorf("%q: %d %.100s", lines, a.Status, a.Body)
			}
		}
		rawpeer.Echo(t, s, "unharmed")
		s.Send("1")
	})
}

// TestFault_F41_ContentLengthPinsMemory: Sessions that announce long bodies and send one byte of them use memory for
// what they sent, not for what they announced.
func TestFault_F41_ContentLengthPinsMemory(t *testing.T) {
	h := harness.New(t, socketIO())
	const n, announced = 64, 1_000_000
	e := h.Engine(t)
	sessions := make([]*rawpeer.Poller, n)
	for i := range sessions {
		sessions[i] = e.Poll()
	}
	before := heap()
	posts := make([]*rawpeer.Peer, n)
	for i, s := range sessions {
		posts[i] = s.Start(postHead(s, fmt.Sprint("Content-Length: ", announced), "Expect: 100-continue"))
	}
	for _, p := range posts { // the server reads the body after 100 Continue
		wantContinue(t, p.R)
		p.Write("4")
	}
	if rise := heap() - before; rise > n*announced/4 {
		t.Errorf("%d bytes for %d POSTs that sent one each", rise, n)
	}
	for _, p := range posts {
		p.Close()
	}
	h.Alone(t)
}

// TestFault_F41_GetWithABody: A handshake and a poll that announce a body and never send it are answered like others,
// as by the reference, without waiting for the body.
func TestFault_F41_GetWithABody(t *testing.T) {
	h := harness.New(t, socketIO())
	for _, line := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		e := h.Engine(t)
		p := e.Start(rawpeer.Request(http.MethodGet, e.Query("polling", ""), line) + "\r\n")
		a := p.Answer()
		if a.Status != http.StatusOK {
			t.Fatalf("the handshake with %s: %d %.100s", line, a.Status, a.Body)
		}
		s := &rawpeer.Poller{Engine: e, SID: a.Get("sid")}
		rawpeer.Enter(t, s, "/", "")
		s.Send(`421["echo","x"]`)
		p = s.Start(rawpeer.Request(http.MethodGet, s.Query("polling", s.SID), line) + "\r\n")
		if a := p.Answer(); a.Body != `431["x"]` {
			t.Errorf("the poll with %s: %d %.100s", line, a.Status, a.Body)
		}
		s.Send("1")
		h.Left(t)
	}
}
