package unfinished_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestField_X10_HandshakeAndNoMore: A client that sends the first bytes of a frame together with its handshake, and no
// more, holds no more than one that is silent after its handshake.
func TestField_X10_HandshakeAndNoMore(t *testing.T) {
	for _, w := range ways() {
		if w.tls || w.compressed || w.name == "zishang" { // the library refuses a client that sends so early
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			s := w.stage(t)
			target := "/"
			if w.socketIO() {
				target = rawpeer.NewEngine(t, s.Addr).Query("websocket", "")
			}
			open := func(more string) func() func() {
				return func() func() {
					return func() {
						p := rawpeer.Dial(t, s.Addr)
						p.Write(rawpeer.Upgrade(target) + more)
						if a := p.Answer(); a.Status != http.StatusSwitchingProtocols {
							t.Fatalf("answered %d %s", a.Status, a.Body)
						}
					}
				}
			}
			wantHeld(t, small, open(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: "{", Claim: 900_000}.Bytes()), open(""))
		})
	}
}

// TestField_X10_StalledPost: A client over polling that announces a body of 900 KB and sends one byte of it holds no
// more than one that announces 20 bytes.
func TestField_X10_StalledPost(t *testing.T) {
	onPolling(t, func(t *testing.T, s *stage.Stage) {
		e := rawpeer.NewEngine(t, s.Addr)
		open := func(length string) func() func() {
			return func() func() {
				p := e.Poll()
				rawpeer.Enter(t, p, "/", "")
				post := rawpeer.Dial(t, s.Addr)
				return func() {
					post.Write(rawpeer.Request(http.MethodPost, e.Query("polling", p.SID),
						"Content-Type: text/plain;charset=UTF-8", "Content-Length: "+length, "Expect: 100-continue") + "\r\n")
					if a := post.Answer(); a.Status != http.StatusContinue { // the server reads the body
						t.Fatalf("answered %d %s", a.Status, a.Body)
					}
					post.Write("4")
				}
			}
		}
		wantHeld(t, small, open("900000"), open("20"))
	})
}

// TestField_X10_MissingAttachments: A client that sends a Socket.IO packet and one of its ten attachments holds no more
// than these.
func TestField_X10_MissingAttachments(t *testing.T) {
	packet := `4510-["echo"`
	for n := range 10 {
		packet += `,{"_placeholder":true,"num":` + strconv.Itoa(n) + `}`
	}
	packet += "]"
	for _, w := range ways() {
		if !w.socketIO() {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			s := w.stage(t)
			raw := rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: packet}.Bytes() +
				rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpBinary, Payload: "attachment"}.Bytes() +
				rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpPing}.Bytes()
			wantHeld(t, 2*small, func() func() {
				p := w.open(t, s.Addr)
				return func() {
					p.Write(raw)
					p.Exact(rawpeer.Fin | rawpeer.OpPong)
				}
			}, nil)
		})
	}
	onPolling(t, func(t *testing.T, s *stage.Stage) {
		e := rawpeer.NewEngine(t, s.Addr)
		open := func(body string) func() func() {
			return func() func() {
				p := e.Poll()
				rawpeer.Enter(t, p, "/", "")
				return func() { p.Send(body) }
			}
		}
		var most int64 = 2 * small
		if strings.Contains(t.Name(), "zishang") {
			most += small / 2 // of the library
		}
		wantHeld(t, most, open(packet+"\x1ebYXR0YWNobWVudA=="), open(`42["noop"]`))
	})
}

func onPolling(t *testing.T, f func(t *testing.T, s *stage.Stage)) {
	for name, a := range map[string]adapter.Adapter{"polling": socketio.New(), "zishang polling": zishang.New()} {
		t.Run(name, func(t *testing.T) { f(t, stage.New(t, a)) })
	}
}
