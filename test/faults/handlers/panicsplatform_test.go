package handlers_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFault_F62_PanicInOptions: A function passed as an option panics, such as CheckOrigin: the client is refused,
// and the next one is accepted.
func TestFault_F62_PanicInOptions(t *testing.T) {
	onOrigin := websockets.CheckOrigin(func(r *http.Request) bool { crashAt("CheckOrigin", asked(r)); return true })
	onEach(t, func(t *testing.T, p platform) {
		options := []websockets.Option{onOrigin}
		if p.name == "socketio" {
			options = append(options, socketio.Options{AllowRequest: func(r *http.Request) error {
				crashAt("AllowRequest", asked(r))
				return nil
			}})
		}
		a, log := start(t, p, &hooks{}, options...)
		for i, place := range []string{"CheckOrigin", "AllowRequest"} {
			if p.name == "ws" && place == "AllowRequest" {
				continue
			}
			_, err := p.mayDial(t, a, asking(place))
			status := http.StatusInternalServerError
			if place == "CheckOrigin" {
				status = http.StatusForbidden // the option returns no error to answer with
			}
			if refused, ok := errors.AsType[*apptest.DialError](err); !ok || refused.Status != status {
				t.Errorf("%s: got %v, want %d", place, err, status)
			}
			if n := len(log.Lines("level=ERROR", "panic", "stack=")); n != i+1 {
				t.Errorf("%s: %d panics in the log, want %d", place, n, i+1)
			}
			echoes(t, p.enter(t, a))
		}
	})
	t.Run("socketio namespace", func(t *testing.T) {
		p := platforms()[1]
		h := &hooks{}
		a, _ := start(t, p, h, websockets.NamespaceFunc("rooms", func(ns string) bool {
			crashAt("/bad", ns)
			return strings.HasPrefix(ns, "/")
		}))
		_, err := p.mayDial(t, a, apptest.WithNamespace("/bad"))
		if refused := refusalOf(t, err); refused.Message != "Invalid namespace" {
			t.Errorf("refused with %v", refused)
		}
		c := p.enter(t, a, apptest.WithNamespace("/good"))
		echoes(t, c)
		if n := h.Server.Local().Len(); n != 1 {
			t.Errorf("%d clients, want 1", n)
		}
	})
}

// frail is a codec that panics on messages that ask for it.
type frail struct{ ws.Codec }

func (f frail) Decode(msg []byte) (ws.Envelope, error) {
	crashIn(msg, "decode")
	return f.Codec.Decode(msg)
}

func (f frail) Append(dst []byte, e ws.Envelope) ([]byte, error) {
	crashIn(e.Data, "encode")
	return f.Codec.Append(dst, e)
}

func crashIn(msg []byte, word string) {
	if strings.Contains(string(msg), word) {
		crash()
	}
}

// frailParser is the same for Socket.IO.
type frailParser struct{ packet.Parser }

func (f *frailParser) NewDecoder(l packet.Limits) packet.Decoder {
	return frailDecoder{f.Parser.NewDecoder(l)}
}

func (f *frailParser) Append(dst []byte, p *packet.Packet, l packet.Limits) (msg []byte, binary bool, attachments [][]byte, err error) {
	crashIn(p.Payload.JSON, "encode")
	return f.Parser.Append(dst, p, l)
}

type frailDecoder struct{ packet.Decoder }

func (f frailDecoder) Text(msg []byte) (*packet.Packet, error) {
	crashIn(msg, "decode")
	return f.Decoder.Text(msg)
}

// TestFault_F62_PanicInCodec: A codec of the application panics while decoding or encoding a message of a client:
// that client's connection ends, and no other.
func TestFault_F62_PanicInCodec(t *testing.T) {
	if inChild(t) {
		return
	}
	onEach(t, func(t *testing.T, p platform) {
		var option websockets.Option = ws.Options{Codec: frail{ws.JSON()}}
		if p.name == "socketio" {
			option = socketio.Options{Parser: &frailParser{packet.JSON()}}
		}
		h := &hooks{subs: saying()}
		a, _ := start(t, p, h, option)
		witness := p.enter(t, a)
		echoes(t, witness)
		for _, row := range []struct{ what, event, say string }{
			{"a message arrives", "echo", "decode"},
			{"a reply", "say", "reply encode"},
			{"a reply of a Background handler", "background", "reply encode"},
			{"an event", "say", "emit encode"},
		} {
			t.Run(row.what, func(t *testing.T) {
				c := p.enter(t, a)
				defer c.Close()
				c.Emit(row.event, row.say)
				_, err := c.TryCall(row.event, row.say)
				if err == nil {
					t.Error("the client has an answer")
				}
				c.Close()
				echoes(t, witness)
				testkit.Eventually(t, "the witness is alone", func() bool { return h.Server.Local().Len() == 1 })
			})
		}
	})
}
