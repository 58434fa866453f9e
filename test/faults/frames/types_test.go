package frames_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// kinds are handlers for bytes and for text.
func kinds() stage.Option {
	return stage.Handle(
		websockets.On("bytes", func(_ context.Context, b []byte) (int, error) { return len(b), nil }),
		websockets.On("text", func(_ context.Context, s string) (int, error) { return len(s), nil }),
	)
}

// TestFault_F27_TextForBinary: Text for a handler of bytes, or bytes for a handler of text, is answered with the
// error bad_payload that names the type, and the client stays connected; plain WebSocket accepts a message in a
// binary frame as in a text frame.
func TestFault_F27_TextForBinary(t *testing.T) {
	lines(t, options{more: []stage.Option{kinds()}}, func(t *testing.T, l *line) {
		p := l.open()
		ask := func(event, data string, binary ...string) string {
			t.Helper()
			if l.name == plain {
				p.Frame(rawpeer.Fin|rawpeer.OpBinary, `{"event":"`+event+`","data":`+data+`,"id":1}`)
				return p.Text()
			}
			if len(binary) == 0 {
				p.Send(`421["` + event + `",` + data + `]`)
			} else {
				p.Send(`451-1["` + event + `",` + data + `]`)
				p.Frame(rawpeer.Fin|rawpeer.OpBinary, binary[0])
			}
			got := p.Text()
			if strings.HasPrefix(got, "431[{") { // an exception is sent in addition to the ack
				p.Text()
			}
			return got
		}
		for _, data := range []string{`"not base64!"`, `5`, `{}`, `["aGk="]`} {
			if got := ask("bytes", data); !strings.Contains(got, websockets.CodeBadPayload) {
				t.Errorf("%s for bytes: %s", data, got)
			}
		}
		if got := ask("bytes", `"aGk="`); !strings.HasSuffix(got, "2]") && !strings.HasSuffix(got, "2}") {
			t.Errorf("base64 for bytes: %s", got)
		}
		if l.name == overWS {
			const placeholder = `{"_placeholder":true,"num":0}`
			if got := ask("bytes", placeholder, "\xff\xfe\xfd"); got != "431[3]" {
				t.Errorf("binary for bytes: %s", got)
			}
			if got := ask("text", placeholder, "\xff\xfe\xfd"); !strings.Contains(got, websockets.CodeBadPayload) {
				t.Errorf("binary for text: %s", got)
			}
		}
		l.echo(p, "still there")
		p.Close()
		l.alive()
	})
}

// TestFault_F28_EmptyMessage: An empty message, of one frame or of empty fragments, is answered on plain WebSocket
// with an exception, and the client stays connected; on Socket.IO, where it is not a packet, it closes the connection
// with 1002, as does an empty binary message.
func TestFault_F28_EmptyMessage(t *testing.T) {
	empties := []string{
		frame(0x81, ""), frame(0x82, ""), frame(0x01, "") + frame(0x80, ""), frame(0x01, "") + frame(0x00, "") + frame(0x89, "") + frame(0x80, ""),
	}
	lines(t, options{}, func(t *testing.T, l *line) {
		for _, raw := range empties {
			p := l.open()
			p.Write(raw)
			if l.name == overWS {
				p.WantClose(1002)
				continue
			}
			p.Want(`{"event":"exception","data":{"status":"error","message":"Bad message: not valid JSON, at byte 0","code":"bad_message"}}`)
			l.echo(p, "still there")
			p.Close()
		}
		l.WantGone(len(empties))
		l.alive()
	})
	t.Run(byPolling, func(t *testing.T) {
		s := stage.New(t, socketio.New())
		for n, body := range []string{"", "\x1e", "4", "b"} {
			p := rawpeer.NewEngine(t, s.Addr).Poll()
			rawpeer.Enter(t, p, "/", "")
			if a := p.Post(body); a.Status != 400 {
				t.Errorf("a body of %q was answered %d %s", body, a.Status, a.Body)
			}
			s.WantGone(n + 1)
		}
		rawpeer.AlivePolling(t, s.Addr)
	})
}
