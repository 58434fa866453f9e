package codec_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// halves are texts with half a surrogate pair, and how they are read.
var halves = []struct{ sent, read string }{
	{`"ab\ud83d"`, `"ab` + "\ufffd" + `"`},
	{`"\ude00ab"`, `"` + "\ufffd" + `ab"`},
	{`"\uD83D\uD83D\uDE00"`, `"` + "\ufffd😀" + `"`},
	{`"\ud83d\u0041"`, `"` + "\ufffd" + `A"`},
	{`"\ud83d\ude00"`, `"😀"`},
}

// TestField_X32_HalfAPair: Half a surrogate pair, such as a cut emoji, in a message at any depth, also in any and as a name, in auth,
// in the answer to a call and in an HTTP body is read as U+FFFD; with Strict it is refused as before.
func TestField_X32_HalfAPair(t *testing.T) {
	onEach(t, func(t *testing.T, a asker) {
		for _, h := range halves {
			for _, m := range []struct{ event, before, after string }{
				{"echo", "", ""}, {"any", "", ""}, {"any", `{"a":[`, `]}`}, {"any", `{`, `:1}`}, {"note", `{"text":`, `}`},
				{"note", `{"text":"","any":{"x":`, `}}`}, {"note", `{"text":"","list":["",`, `]}`}, {"note", `{"text":"","map":{`, `:""}}`},
			} {
				if got, want := a.ask(m.event, m.before+h.sent+m.after), m.before+h.read+m.after; got != want {
					t.Errorf("%s %s: got %s, want %s", m.event, h.sent, got, want)
				}
			}
		}
		if got := a.ask("strict", `{"text":"\ud83d"}`); !strings.Contains(got, "Bad payload: not valid JSON") {
			t.Errorf("strict: %s", got)
		}
		if got := a.ask("strict", `{"text":"\ud83d\ude00"}`); got != `{"text":"😀"}` {
			t.Errorf("strict: %s", got)
		}
		a.askBack(t, "ask", `"cut \ud83d"`, `"cut `+"\ufffd"+`"`)
	})
	t.Run("http", func(t *testing.T) {
		a := apptest.New(t, module.New("echo", module.Controllers(newTestController)))
		for _, h := range halves {
			if _, got := post(t, a, "/note", `{"text":`+h.sent+`}`); got != `{"text":`+h.read+`}` {
				t.Errorf("%s: %s", h.sent, got)
			}
		}
		if status, got := post(t, a, "/strict", `{"text":"\ud83d"}`); status != http.StatusBadRequest || !strings.Contains(got, "Bad body: not valid JSON") {
			t.Errorf("strict: %d %s", status, got)
		}
		if status, got := post(t, a, "/note", "{\"text\":\"\xff\"}"); status != http.StatusBadRequest || !strings.Contains(got, "Bad body: not valid JSON") {
			t.Errorf("bytes that are not UTF-8: %d %s", status, got)
		}
	})
	t.Run("auth", func(t *testing.T) {
		a := apptest.New(t, module.New("echo", module.Exports(websockets.Gateway(newTestGateway))), apptest.With(app.WebSockets(socketio.New())))
		s := rawpeer.NewEngine(t, a.URL()).WebSocket()
		rawpeer.Enter(t, s, "/", `{"name":"\ud83d"}`)
		if got := (asker{t, s.Send, s.Read, false}).ask("auth", "0"); got != `{"name":"`+"\ufffd"+`"}` {
			t.Error(got)
		}
	})
}

// askBack sends a message whose handler calls the client, and answers the call.
func (a asker) askBack(t *testing.T, event, answer, want string) {
	t.Helper()
	if a.ws {
		a.send(`{"event":"` + event + `","id":77,"data":"?"}`)
		call := a.read()
		id := call[strings.Index(call, `"id":`)+len(`"id":`):]
		a.send(`{"id":` + id[:strings.IndexAny(id, ",}")] + `,"data":` + answer + `}`)
		if got := a.answer(`{"id":77,"data":`, "}"); got != want {
			t.Errorf("%s: got %s, want %s", event, got, want)
		}
		return
	}
	a.send(`4277["` + event + `","?"]`)
	call := a.read()
	id := call[len("42"):strings.IndexByte(call, '[')]
	a.send(`43` + id + `[` + answer + `]`)
	if got := a.answer(`4377[`, "]"); got != want {
		t.Errorf("%s: got %s, want %s", event, got, want)
	}
}

// TestField_X32_CutString: A Go string that ends inside a rune does not fail an answer or an event: it is sent with U+FFFD, also in any, as
// a name, and over HTTP.
func TestField_X32_CutString(t *testing.T) {
	const cut = "gr\ufffd"
	onEach(t, func(t *testing.T, a asker) {
		if got := a.ask("cut", "3"); got != `"`+cut+`"` {
			t.Error(got)
		}
		if got := a.ask("cut note", "3"); got != strings.ReplaceAll(`{"text":"$","any":["$"],"list":["$"],"map":{"$":"$"}}`, "$", cut) {
			t.Error(got)
		}
	})
	t.Run("http", func(t *testing.T) {
		a := apptest.New(t, module.New("echo", module.Controllers(newTestController)))
		if status, got := post(t, a, "/cut", "3"); status != http.StatusCreated || got != `"`+cut+`"` {
			t.Errorf("%d %s", status, got)
		}
	})
}

// TestField_X32_FramesStayStrict: Bytes that are not UTF-8 in a text frame still end the connection with 1007.
func TestField_X32_FramesStayStrict(t *testing.T) {
	a := apptest.New(t, module.New("echo", module.Exports(websockets.Gateway(newTestGateway))), apptest.With(app.WebSockets(ws.New())))
	p := rawpeer.Open(t, a.URL(), "/")
	p.Send("{\"event\":\"echo\",\"data\":\"\xff\"}")
	p.WantClose(1007)
}
