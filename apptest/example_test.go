package apptest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

type post struct {
	Text string `json:"text"`
}

// A complete test of a chat over plain WebSocket. DialSocketIO instead of DialWS tests
// Socket.IO.
func ExampleClient() {
	test := func(t *testing.T) {
		alice := apptest.DialWS(t, chatServer(t))
		alice.OnCall("name", func(json.RawMessage) any { return "alice" })

		if n := apptest.Call[int](alice, "join", "lobby"); n != 1 {
			t.Errorf("%d in the room, want 1", n)
		}
		alice.Emit("post", post{Text: "hello"})
		if got := apptest.Expect[post](alice, "posted"); got.Text != "alice: hello" {
			t.Errorf("got %+v", got)
		}
		if e := alice.CallError("delete", 7); e.Message != "Forbidden resource" {
			t.Errorf("got %+v", e)
		}
		alice.ExpectNone("deleted", func() { alice.Call("join", "lobby") })
		alice.Emit("quit")
		if end := alice.ExpectClose(); end.Reason != "done" {
			t.Errorf("closed with %s", end)
		}
	}
	fmt.Println(testkit.RunTest(test))
	// Output: true
}

// chatServer plays the application under test.
func chatServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		answers := map[string][]string{
			`{"event":"join","data":"lobby","id":1}`:   {`{"id":1,"data":1}`},
			`{"event":"post","data":{"text":"hello"}}`: {`{"event":"name","id":1}`},
			`{"data":"alice","id":1}`:                  {`{"event":"posted","data":{"text":"alice: hello"}}`},
			`{"event":"delete","data":7,"id":2}`:       {`{"event":"exception","id":2,"data":{"status":"error","message":"Forbidden resource"}}`},
			`{"event":"join","data":"lobby","id":3}`:   {`{"id":3,"data":1}`},
		}
		for {
			_, text, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if string(text) == `{"event":"quit"}` {
				_ = conn.Close(websocket.StatusGoingAway, "done")
				return
			}
			write(conn, answers[string(text)]...)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
