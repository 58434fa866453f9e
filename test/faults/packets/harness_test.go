package packets_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/test/internal/harness"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// put sends raw packets, over polling in one body. A packet that starts with "b" is binary, in base64. It reports
// whether the server accepted them; over WebSocket it cannot know.
func put(t *testing.T, w rawpeer.Wire, packets ...string) bool {
	t.Helper()
	s, ok := w.(*rawpeer.Socket)
	if !ok {
		return w.(*rawpeer.Poller).Post(strings.Join(packets, "\x1e")).Status == http.StatusOK
	}
	for _, p := range packets {
		f := rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: p}
		if text, binary := strings.CutPrefix(p, "b"); binary {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			f.First, f.Payload = rawpeer.Fin|rawpeer.OpBinary, string(b)
		}
		if s.TryWrite(f.Bytes()) != nil {
			break // it has closed already
		}
	}
	return true
}

// breaks sends packets that must end the session with a parse error: status 400 over polling, code 1002 over
// WebSocket; zishang has no codes.
func breaks(t *testing.T, h *harness.Harness, w rawpeer.Wire, packets ...string) {
	t.Helper()
	what := fmt.Sprintf("%.60q", packets)
	handled := h.Events()
	taken := put(t, w, packets...)
	if s, ok := w.(*rawpeer.Socket); ok {
		if code, text := s.Closed(); code != 1002 && h.Own() {
			t.Errorf("%s: closed with %d %q, want 1002", what, code, text)
		}
		s.Close()
	} else if taken {
		t.Errorf("%s: accepted", what)
	}
	if got := h.Left(t); got.Cause != websockets.CauseParseError {
		t.Errorf("%s: ended with %s", what, got)
	}
	// The other library may still handle what it received before the mistake.
	if h.Events() != handled && (h.Own() || len(packets) == 1) {
		t.Errorf("%s: something was handled", what)
	}
}

// client calls events with JSON payloads, on every platform in the same way.
type client struct {
	w    rawpeer.Wire
	p    *rawpeer.Peer // of plain WebSocket
	last int
	gone bool
}

// call returns the text of the answer.
func (c *client) call(t *testing.T, event, payload string) string {
	t.Helper()
	c.last++
	id := strconv.Itoa(c.last)
	if c.p != nil {
		c.p.Send(`{"event":` + event + `,"data":` + payload + `,"id":` + id + `}`)
		answer := c.p.Text()
		if !strings.Contains(answer, `"id":`+id) {
			t.Fatalf("call %s of %.50q was answered %.200s", id, event, answer)
		}
		return answer
	}
	c.w.Send(`42` + id + `[` + event + `,` + payload + `]`)
	answer := c.w.Read()
	for strings.HasPrefix(answer, `42["exception",`) { // of an earlier call: a refused call gets an ack and an event
		answer = c.w.Read()
	}
	if !strings.HasPrefix(answer, `43`+id+`[`) {
		t.Fatalf("call %s of %.50q was answered %.200s", id, event, answer)
	}
	return answer
}

// value returns the answer to a call that succeeds.
func (c *client) value(payload string) string {
	if c.p != nil {
		return `{"id":` + strconv.Itoa(c.last) + `,"data":` + payload + `}`
	}
	return `43` + strconv.Itoa(c.last) + `[` + payload + `]`
}

// wantValue calls an event and compares the answer.
func (c *client) wantValue(t *testing.T, event, payload, want string) {
	t.Helper()
	if got := c.call(t, strconv.Quote(event), payload); got != c.value(want) {
		t.Errorf("%s of %.60s: %.200s, want %.200s", event, payload, got, c.value(want))
	}
}

// wantError calls an event and expects an error with that code.
func (c *client) wantError(t *testing.T, event, payload, code string) {
	t.Helper()
	if got := c.call(t, strconv.Quote(event), payload); !strings.Contains(got, `"code":"`+code+`"`) || !strings.Contains(got, `"status":"error"`) {
		t.Errorf("%s of %.60s: %.200s, want an error %s", event, payload, got, code)
	}
}

func (c *client) leave() {
	if c.gone {
		return
	}
	if c.p != nil {
		c.p.Close()
		return
	}
	c.w.Send("1")
}

// everywhere runs a test on every platform and transport.
func everywhere(t *testing.T, test func(t *testing.T, h *harness.Harness, c *client), opts ...websockets.Option) {
	t.Helper()
	harness.Plain(t, func(t *testing.T, h *harness.Harness) {
		c := &client{p: h.Open(t)}
		test(t, h, c)
		c.leave()
	}, opts...)
	harness.Transports(t, func(t *testing.T, h *harness.Harness, enter func(testing.TB) rawpeer.Wire) {
		c := &client{w: enter(t)}
		test(t, h, c)
		c.leave()
	}, opts...)
}
