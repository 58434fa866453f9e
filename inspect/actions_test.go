package inspect

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// A page has a client join, leave and disconnect, and sends to clients, rooms and all.
func TestActions(t *testing.T) {
	x := inspect(t, Options{})
	c, other := x.DialSocketIO("/chat"), x.DialWS("/chat")
	c.Call("join", "tea")
	other.Call("join", "tea")
	at := "clients/" + c.ID()
	for _, tt := range []struct{ path, body, has string }{
		{at + "/join", `{"room":"kitchen"}`, ""},
		{at + "/join", `{"room":"` + strings.Repeat("x", 5000) + `"}`, "inspect_failed"},
		{at + "/leave", `{"room":"tea"}`, ""},
		{"clients/unknown/leave", `{"room":"tea"}`, "inspect_no_client"},
		{"clients/unknown/disconnect", `{}`, "inspect_no_client"},
		{"emit", `{"gateway":"inspect.newLive","event":"messages"}`, "inspect_no_gateway"},
		{"emit", `{"gateway":"inspect.newChat","event":"","data":1}`, "inspect_failed"},
	} {
		res := x.post(tt.path, tt.body)
		if (tt.has == "") != (res.status < 300) || !strings.Contains(res.body, tt.has) {
			t.Errorf("%s %s: %d %s", tt.path, tt.body, res.status, res.body)
		}
	}
	if got := fmt.Sprint(get[clientDetail](x, at).Rooms); got != "[kitchen]" {
		t.Errorf("rooms %s", got)
	}
	for body, want := range map[string]struct {
		clients     string
		first, each int
	}{
		`{"gateway":"inspect.newChat","event":"said","data":{"to":1},"client":"` + c.ID() + `"}`: {`{"clients":1}`, 1, 0},
		`{"gateway":"inspect.newChat","event":"said","data":{"to":2},"room":"tea"}`:              {`{"clients":1}`, 0, 1},
		`{"gateway":"inspect.newChat","event":"said","data":{"to":3}}`:                           {`{"clients":2}`, 1, 1},
		`{"gateway":"inspect.newChat","event":"said","namespace":"/chat"}`:                       {`{"clients":1}`, 1, 0},
	} {
		if res := x.post("emit", body); res.status != http.StatusCreated || res.body != want.clients {
			t.Errorf("%s: %d %s", body, res.status, res.body)
		}
		for range want.first {
			c.ExpectMessage("said")
		}
		for range want.each {
			other.ExpectMessage("said")
		}
		c.ExpectNone("said")
		other.ExpectNone("said")
	}
	if res := x.post(at+"/disconnect", `{}`); res.status != http.StatusNoContent {
		t.Errorf("disconnect: %d %s", res.status, res.body)
	}
	c.ExpectClose()
	testkit.Eventually(t, "the client has left", func() bool { return get[clientTable](x, "clients").Total == 1 })
}

// What the pages show of an application.
func TestViews(t *testing.T) {
	x := inspect(t, Options{Pprof: "/debug/pprof/"})
	x.page().Call("watch", watching{}) // it is open
	c := x.DialWS("/chat")
	c.Call("join", "tea")
	c.Call("secret", "")
	o := get[overview](x, "stats")
	if o.Name != "root" || o.Pprof != "/debug/pprof/" || !o.Ready || len(o.Endpoints) != 3 || len(o.Rates.In) != window-1 || len(o.Nodes) != 1 || !o.Nodes[0].Self {
		t.Errorf("%+v", o)
	}
	g := get[graph](x, "graph")
	if len(g.Modules) != 3 || g.Modules[2].Name != "root" || len(g.Modules[2].Imports) != 2 || len(g.Edges) == 0 {
		t.Errorf("%+v", g)
	}
	r := x.do(http.MethodGet, "/inspect/api/registry", "").body
	for _, want := range []string{`"path":"/inspect"`, `"event":"join","kind":"on","in":"string","out":"int","schema":{"type":"string"}`, `"code":"room_full"`,
		`"schema":{"$ref":"#/schemas/Post"}`, `"schemas":{"Post":{`, `"undeclared":[{"endpoint":"ws /chat","event":"unlisted","count":1}]`, `"pattern":"/rooms/{room}"`, `"params":["path room string"]`} {
		if !strings.Contains(r, want) {
			t.Errorf("the registry has no %s: %s", want, r)
		}
	}
	rooms := get[roomTable](x, "rooms?q=te")
	if rooms.Total != 1 || rooms.Rooms[0].Name != "tea" || rooms.Rooms[0].Size != 1 || len(rooms.Rooms[0].Members) != 1 {
		t.Errorf("%+v", rooms)
	}
	if n := get[clientTable](x, "clients?q=nothing"); n.Total != 1 || n.Matched != 0 {
		t.Errorf("%+v", n)
	}
	if res := x.do(http.MethodGet, "/inspect/api/messages?filter=event:join+kind:in", ""); strings.Count(res.body, "\n") != 1 || !strings.Contains(res.body, `"payload":"\"tea\""`) {
		t.Errorf("export: %s", res.body)
	}
	for _, name := range []string{"asyncapi.json", "openapi.json"} {
		if res := x.do(http.MethodGet, "/inspect/api/"+name, ""); res.status != http.StatusOK || strings.Contains(res.body, "inspect/live") {
			t.Errorf("%s: %d %s", name, res.status, res.body)
		}
	}
}
