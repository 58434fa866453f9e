package chat_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/chat"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/contract/contracttest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/validate"
)

// testApp is the running chat and the issuer of its tokens.
type testApp struct {
	*testing.T
	*apptest.App

	tokens *login.Tokens
}

func testModule() *module.Module {
	logins := login.NewModule(time.Minute, login.NewKey())
	return module.New("test", module.Imports(logins, chat.NewModule(platforms.Both(), logins, "node-1")))
}

func open(t *testing.T) *testApp {
	a := contracttest.Complete(t, testModule(), apptest.With(app.UsePipes(validate.New)))
	return &testApp{t, a, apptest.Get[*login.Tokens](a)}
}

func (h *testApp) token(name string) string {
	h.Helper()
	token, err := h.tokens.New(name, name)
	if err != nil {
		h.Fatal(err)
	}
	return token
}

// post sends a message over HTTP, and returns status and body.
func (h *testApp) post(token, path, body string) (int, string) {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), http.MethodPost, h.URL()+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		h.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func (h *testApp) clients(name string) map[string]*apptest.Client {
	h.Helper()
	return map[string]*apptest.Client{
		"Socket.IO":       h.DialSocketIO("/chat", apptest.WithAuth(map[string]string{"token": h.token(name)})),
		"plain WebSocket": h.DialWS("/ws/chat", apptest.WithSubprotocols(login.Scheme, h.token(name))),
	}
}

func TestNamesComeFromTokens(t *testing.T) {
	h := open(t)
	for platform, ann := range h.clients("Ann") {
		in := map[string]string{"room": " " + platform + " ", "name": "Bob"}
		if got := apptest.Call[chat.Room](ann, "join", in); !reflect.DeepEqual(got, chat.Room{Room: platform, Members: []string{"Ann"}}) {
			t.Errorf("%s: got %v", platform, got)
		}
		ann.Call("say", map[string]string{"text": " hello ", "name": "Bob"})
		if m := apptest.Expect[chat.Message](ann, "message"); m.Name != "Ann" || m.Text != "hello" {
			t.Errorf("%s: got %v", platform, m)
		}
		path := "/rooms/" + strings.ReplaceAll(platform, " ", "%20") + "/messages"
		if status, body := h.post(h.token("Cat"), path, `{"text":"hello","name":"Bob"}`); status != 202 || body != "" {
			t.Errorf("%s: %d %s", platform, status, body)
		}
		if m := apptest.Expect[chat.Message](ann, "message"); m.Name != "Cat" {
			t.Errorf("%s: got %v", platform, m)
		}
	}
}

func TestRejectsWithoutToken(t *testing.T) {
	h := open(t)
	for _, c := range []struct{ token, code string }{{"", "token_missing"}, {"no.good.token", "token_invalid"}} {
		var body struct{ Code string }
		_, err := apptest.TryDialSocketIO(t, h.URL(), apptest.WithNamespace("/chat"), apptest.WithAuth(map[string]string{"token": c.token}))
		e, ok := errors.AsType[*apptest.DialError](err)
		if !ok || e.Status != 0 || json.Unmarshal(e.Data, &body) != nil || body.Code != c.code {
			t.Errorf("Socket.IO, token %q: %v", c.token, err)
		}
		var protocols []string
		if c.token != "" {
			protocols = []string{login.Scheme, c.token}
		}
		_, err = apptest.TryDialWS(t, h.URL()+"/ws/chat", apptest.WithSubprotocols(protocols...))
		e, ok = errors.AsType[*apptest.DialError](err)
		if !ok || e.Status != 401 || json.Unmarshal(e.Body, &body) != nil || body.Code != c.code {
			t.Errorf("plain WebSocket, token %q: %v", c.token, err)
		}
		if status, body := h.post(c.token, "/rooms/tea/messages", `{"text":"hello"}`); status != 401 || !strings.Contains(body, c.code) {
			t.Errorf("HTTP, token %q: %d %s", c.token, status, body)
		}
	}
}

func TestRules(t *testing.T) {
	h := open(t)
	token := h.token("Ann")
	for platform, c := range h.clients("Ann") {
		for _, tt := range []struct{ event, field, value, message string }{
			{"join", "room", "", "room is required"},
			{"join", "room", " \n", "room is required"},
			{"join", "room", strings.Repeat("ü", 41), "room may have at most 40 characters"},
			{"say", "text", " ", "text is required"},
			{"say", "text", strings.Repeat("ü", 2001), "text may have at most 2000 characters"},
		} {
			e := c.CallError(tt.event, map[string]string{tt.field: tt.value})
			if e.Code != "bad_payload" || e.Message != "Bad payload: "+tt.message {
				t.Errorf("%s: %s: %v", platform, tt.event, e)
			}
		}
		c.Call("join", map[string]string{"room": strings.Repeat("ü", 40)})
		c.Call("say", map[string]string{"text": strings.Repeat("ü", 2000)})
	}
	for _, tt := range []struct {
		room, text string
		message    string
	}{
		{"%20", "hello", "room is required"},
		{strings.Repeat("r", 41), "hello", "room may have at most 40 characters"},
		{"tea", "", "text is required"},
	} {
		status, body := h.post(token, "/rooms/"+tt.room+"/messages", `{"text":"`+tt.text+`"}`)
		if status != 400 || !strings.Contains(body, `"Bad payload: `+tt.message+`"`) {
			t.Errorf("%s: %d %s", tt.message, status, body)
		}
	}
}

func TestTags(t *testing.T) {
	pipe := validate.New()
	for _, of := range []reflect.Type{reflect.TypeFor[chat.Join](), reflect.TypeFor[chat.Say](), reflect.TypeFor[chat.Post]()} {
		if err := pipe.CheckType(of); err != nil {
			t.Error(err)
		}
	}
}

func TestClientsLearnTheirNode(t *testing.T) {
	for platform, c := range open(t).clients("Ann") {
		if got := apptest.Expect[chat.Node](c, "node"); got != "node-1" {
			t.Errorf("%s: node %q", platform, got)
		}
		c.Call("join", map[string]string{"room": platform})
		if got := apptest.Expect[chat.Presence](c, "joined"); got.Node != "node-1" {
			t.Errorf("%s: joined at node %q", platform, got.Node)
		}
	}
}

// The members of a room are those on all nodes, also when one of them is killed.
func TestMembersOfAllNodes(t *testing.T) {
	c := apptest.NewCluster(t, 2, testModule(), apptest.With(app.UsePipes(validate.New)))
	enter := func(node int, name string) *apptest.Client {
		h := &testApp{t, c.Node(node), apptest.Get[*login.Tokens](c.Node(node))}
		client := h.clients(name)["plain WebSocket"]
		client.Call("join", map[string]string{"room": "tea"})
		return client
	}
	expect := func(c *apptest.Client, want ...string) {
		t.Helper()
		for got := (chat.Room{}); !slices.Equal(got.Members, want); {
			got = apptest.Expect[chat.Room](c, "members")
		}
	}
	ann := enter(0, "Ann")
	expect(ann, "Ann")
	bob := enter(1, "Bob")
	expect(ann, "Ann", "Bob")
	expect(bob, "Ann", "Bob")
	c.Kill(1)
	expect(ann, "Ann")
}
