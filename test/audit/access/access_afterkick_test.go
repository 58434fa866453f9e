package audit_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestAudit_AfterAKick: messages that a client had sent before the server disconnected it, and that no handler had
// started, are not handled, on any platform and by any way to disconnect.
func TestAudit_AfterAKick(t *testing.T) {
	for _, kind := range []string{"Disconnect", "DisconnectAll", "Close", "Server"} {
		var s *stage.Stage
		opt := stage.Handle(websockets.Listen("kick me", func(ctx context.Context, _ struct{}) error {
			c := websockets.ClientFrom(ctx)
			switch kind {
			case "Disconnect":
				c.Disconnect()
			case "DisconnectAll":
				c.DisconnectAll()
			case "Close":
				c.Close(4000, "no")
			case "Server":
				s.Server.Local().Disconnect()
			}
			return nil
		}))
		t.Run(kind+"/ws", func(t *testing.T) {
			s = stage.New(t, ways.PlainWS(), opt)
			p := rawpeer.Open(t, s.Addr, "/")
			f := func(e string) string {
				return rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpText, Payload: `{"event":"` + e + `","data":{}}`}.Bytes()
			}
			p.Write(f("kick me") + f("noop") + f("noop") + f("noop"))
			p.WantClose(1000, 4000)
			p.Close()
			s.WantGone(1)
			if s.Events() > 0 {
				t.Errorf("%d handled", s.Events())
			}
		})
		for _, w := range socketIO {
			t.Run(kind+"/"+w.Name, func(t *testing.T) {
				s = w.Stage(t, opt)
				l := w.Dial(t, s)
				l.Send("40")
				l.Want("40")
				l.Send(`42["kick me",{}]`, `42["noop"]`, `42["noop"]`, `42["noop"]`)
				l.Want("41")
				l.Leave()
				s.WantGone(1)
				if s.Events() > 0 {
					t.Errorf("%d handled", s.Events())
				}
			})
		}
	}
}
