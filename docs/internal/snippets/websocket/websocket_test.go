package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/js"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The frames that docs/websocket.md shows, in both directions.
func TestFrames(t *testing.T) {
	page, err := os.ReadFile("../../../websocket.md")
	if err != nil {
		t.Fatal(err)
	}
	a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New())))
	raw := a.DialWS("/lobby").Raw()
	for _, f := range []struct {
		send string
		want []string
	}{
		{`{"event":"echo","data":"aGk="}`, []string{`{"event":"echo","data":"aGk="}`}},
		{`{"event":"echo","data":"aGk=","id":7}`, []string{`{"id":7,"data":"aGk="}`}},
		{`{"event":"ask","data":"Sure?","id":8}`, []string{`{"event":"confirm","id":1,"data":"Sure?"}`}},
		{`{"id":1,"data":true}`, []string{`{"event":"said","data":"Sure?"}`, `{"id":8}`}},
		{`{"event":"echo","data":5,"id":9}`, []string{`{"event":"exception","id":9,"data":{"status":"error",` +
			`"message":"Bad payload: the payload must be a string, not a number","code":"bad_payload",` +
			`"details":[{"field":"","rule":"type","message":"must be a string"}],"cause":{"pattern":"echo","data":5}}}`}},
	} {
		raw.Text(f.send)
		for _, want := range f.want {
			raw.Expect(want)
		}
		for _, shown := range append(f.want, f.send) {
			if !strings.Contains(string(page), shown) {
				t.Errorf("docs/websocket.md does not show %s", shown)
			}
		}
	}
	raw.Text(`[1]`)
	if got := raw.ExpectPrefix(`{"event":"exception","data":{"status":"error"`); !strings.Contains(got, `"code":"bad_message"`) {
		t.Errorf("got %s", got)
	}
}

// native returns to a client what subprotocol says of it.
type native struct{}

func (native) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("subprotocol", func(ctx context.Context, _ struct{}) (string, error) {
		return subprotocol(websockets.ClientFrom(ctx)), nil
	})}
}

func TestNative(t *testing.T) {
	root := module.New("native", module.Providers(websockets.Gateway(func() native { return native{} })))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New(ws.Options{Subprotocols: []string{"lobby.v1"}}))))
	c := a.DialWS("/", apptest.WithSubprotocols("lobby.v1"))
	if got := c.Subprotocol(); got != "lobby.v1" {
		t.Errorf("got %q", got)
	}
	if got := apptest.Call[string](c, "subprotocol"); got != "lobby.v1" {
		t.Errorf("the server has %q", got)
	}
}

func TestCodec(t *testing.T) {
	a := apptest.New(t, ByLines)
	conn, _, err := websocket.Dial(t.Context(), a.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`echo "aGk="`)); err != nil {
		t.Fatal(err)
	}
	_, got, err := conn.Read(t.Context())
	if err != nil || string(got) != `echo "aGk="` {
		t.Errorf("got %s, %v", got, err)
	}
}

// The browser's client that docs/websocket.md shows.
func TestBrowserClient(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New())))
	got := js.Run(t, "docs/websocket.md", strings.TrimPrefix(a.URL(), "http://"), 2)
	if got != "said hello\n1\n" {
		t.Errorf("got %q", got)
	}
}
