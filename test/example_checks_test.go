package test_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// TestExample runs independent tests on one server, the others on their own.
func TestExample(t *testing.T) {
	program := buildExample(t)
	n := nodetest.Start(t)
	e := start(t, program)

	transports := map[string]nodetest.Opts{
		"polling":   {"transports": []string{"polling"}},
		"websocket": {"transports": []string{"websocket"}},
		"upgrade":   {},
	}
	for name, opts := range transports {
		t.Run("Socket.IO over "+name, func(t *testing.T) { socketIO(t, e, n, name, opts) })
	}
	t.Run("plain WebSocket", func(t *testing.T) { plain(t, e, n) })
	t.Run("both in one room", func(t *testing.T) { bothInOneRoom(t, e, n) })
	t.Run("stats", func(t *testing.T) { figures(t, e, n) })
	t.Run("HTTP", func(t *testing.T) { controllers(t, e) })
	t.Run("login", func(t *testing.T) { logins(t, e, n) })
	t.Run("token expiry", func(t *testing.T) { tokenExpires(t, program, n) })
	t.Run("rate limits", func(t *testing.T) { rateLimits(t, e, n) })
	t.Run("page", func(t *testing.T) { page(t, e) })
	t.Run("one platform", func(t *testing.T) { onePlatform(t, program, n) })
	t.Run("stop", func(t *testing.T) { stops(t, program, n) })
}

func socketIO(t *testing.T, e *example, n *nodetest.Node, name string, opts nodetest.Opts) {
	c := n.SocketIO(e.url, opts)
	transport := name
	if name == "upgrade" {
		c.AwaitTransport("websocket")
		transport = "websocket"
	}
	want(t, "transport", c.Transport(), transport)

	for _, v := range []string{`0`, `false`, `""`, `null`, `[1,[2]]`, `{"a":{"b":"é\u2028"}}`} {
		var compact bytes.Buffer
		if err := json.Compact(&compact, nodetest.Call[json.RawMessage](c, "identity", json.RawMessage(v))); err != nil {
			t.Fatal(err)
		}
		var got, sent any
		_ = json.Unmarshal(compact.Bytes(), &got)
		_ = json.Unmarshal([]byte(v), &sent)
		want(t, "identity", got, sent)
	}
	want(t, "identity of binary", nodetest.Call[[]byte](c, "identity", []byte{0, 255}), []byte{0, 255})
	want(t, "identity of nothing", len(c.Call("identity")), 0)
	want(t, "ack of a stream", len(c.Call("events", "any")), 0)
	for i := 1; i <= 3; i++ {
		want(t, "events", nodetest.Expect[int](c, "events"), i)
	}

	chat := e.sio(n, "Ann", opts)
	roomName := "room of " + name
	want(t, "say", nodetest.Call[failure](chat, "say", nodetest.Fields{"text": "x"}),
		failure{"error", "join a room first", "no_room"})
	want(t, "join", nodetest.Call[failure](chat, "join", nodetest.Fields{"name": "Bob"}),
		failure{"error", "Bad payload: room is required", "bad_payload"})
	want(t, "join", nodetest.Call[room](chat, "join", nodetest.Fields{"room": roomName, "name": "Bob"}), room{roomName, []string{"Ann"}})
	want(t, "joined", nodetest.Expect[presence](chat, "joined"), presence{roomName, "Ann", []string{"Ann"}})
	want(t, "ack of say", len(chat.Call("say", nodetest.Fields{"text": "<b>hi</b>"})), 0)
	m := nodetest.Expect[message](chat, "message")
	want(t, "message", []string{m.Room, m.Name, m.Text}, []string{roomName, "Ann", "<b>hi</b>"})
	if m.At.IsZero() {
		t.Error("the message has no time")
	}
	want(t, "ack of leave", len(chat.Call("leave")), 0)
	want(t, "left", nodetest.Expect[presence](chat, "left"), presence{roomName, "Ann", []string{}})

	if _, err := n.TrySocketIO(e.url+"/nothing", opts); err == nil || err.Error() != "Invalid namespace" {
		t.Errorf("unknown namespace: %v", err)
	}
}

func plain(t *testing.T, e *example, n *nodetest.Node) {
	c := n.WS(e.ws("/ws"), nil)
	want(t, "identity", nodetest.Call[string](c, "identity", "x"), "x")
	c.Emit("identity", 5)
	want(t, "answer without an id", nodetest.Expect[int](c, "identity"), 5)
	c.Emit("events")
	for i := 1; i <= 3; i++ {
		want(t, "events", nodetest.Expect[int](c, "events"), i)
	}

	chat := e.plain(n, "Ann")
	want(t, "subprotocol", chat.Protocol(), "bearer")
	chat.Emit("say", nodetest.Fields{"text": "x"})
	want(t, "exception", nodetest.Expect[failure](chat, "exception"), failure{"error", "join a room first", "no_room"})
	if _, err := chat.TryCall("join", nodetest.Fields{"room": strings.Repeat("x", 41)}); err == nil {
		t.Error("a long name of a room is accepted")
	}
	if _, err := n.TryWS(e.ws("/ws/nothing"), nil); err == nil {
		t.Error("an unknown path is served")
	}
}

func bothInOneRoom(t *testing.T, e *example, n *nodetest.Node) {
	const tea = "tea"
	ann, bob, web := e.sio(n, "Ann", nil), e.plain(n, "Bob"), e.login("Web")
	want(t, "join", nodetest.Call[room](ann, "join", nodetest.Fields{"room": tea}), room{tea, []string{"Ann"}})
	want(t, "join", nodetest.Call[room](bob, "join", nodetest.Fields{"room": tea}), room{tea, []string{"Ann", "Bob"}})
	nodetest.Expect[presence](ann, "joined")
	want(t, "joined", nodetest.Expect[presence](ann, "joined"), presence{tea, "Bob", []string{"Ann", "Bob"}})

	expectBoth := func(name, text string) {
		t.Helper()
		for who, c := range map[string]*nodetest.Client{"Ann": ann, "Bob": bob} {
			if m := nodetest.Expect[message](c, "message"); m.Name != name || m.Text != text {
				t.Errorf("%s receives %v, want %q from %s", who, m, text, name)
			}
		}
	}
	ann.Call("say", nodetest.Fields{"text": "from Ann"})
	expectBoth("Ann", "from Ann")
	bob.Call("say", nodetest.Fields{"text": "from Bob"})
	expectBoth("Bob", "from Bob")
	status, _ := e.requestAs(web, "POST", "/rooms/tea/messages", `{"name":"Ann","text":"from HTTP"}`)
	want(t, "POST", status, http.StatusAccepted)
	expectBoth("Web", "from HTTP")

	_, list := e.request("GET", "/rooms", "")
	if !strings.Contains(list, `{"room":"tea","members":["Ann","Bob"]}`) {
		t.Errorf("rooms: %s", list)
	}
	bob.Cut()
	want(t, "left", nodetest.Expect[presence](ann, "left"), presence{tea, "Bob", []string{"Ann"}})
}

func figures(t *testing.T, e *example, n *nodetest.Node) {
	type stats struct {
		Connections int `json:"connections"`
		Messages    int `json:"messages"`
	}
	web := e.login("Web")
	sio := n.SocketIO(e.stats+"/stats", nil)
	ws := n.WS("ws"+strings.TrimPrefix(e.stats, "http")+"/ws/stats", nil)
	for _, c := range []*nodetest.Client{sio, ws} {
		c.Emit("watch", nodetest.Fields{"every_ms": 1})
		before := nodetest.Expect[stats](c, "stats")
		nodetest.Expect[stats](c, "stats")
		_, _ = e.requestAs(web, "POST", "/rooms/empty/messages", `{"text":"x"}`)
		for nodetest.Expect[stats](c, "stats").Messages <= before.Messages { // the stream continues
			continue
		}
		c.Emit("watch", nodetest.Fields{})
		want(t, "second watch", nodetest.Expect[failure](c, "exception").Status, "error")
	}
	before := nodetest.Expect[stats](ws, "stats").Connections
	e.plain(n, "Ann")
	for nodetest.Expect[stats](ws, "stats").Connections <= before {
		continue
	}
}

func controllers(t *testing.T, e *example) {
	token := e.login("Ann")
	for _, c := range []struct {
		token, method, path, body string
		status                    int
		answer                    string
	}{
		{"", "GET", "/livez", "", 200, `{"status":"live"}`},
		{"", "GET", "/readyz", "", 200, `{"status":"ready"}`},
		{token, "POST", "/rooms/a%20b/messages", `{"text":"t"}`, 202, ``},
		{token, "POST", "/rooms/a/messages", `{}`, 400, `{"statusCode":400,"message":"Bad payload: text is required","error":"Bad Request","code":"bad_payload","details":[{"field":"text","rule":"required","message":"is required"}]}`},
		{token, "POST", "/rooms/a/messages", `{`, 400, `{"statusCode":400,"message":"Bad body: not valid JSON","error":"Bad Request","code":"bad_payload","details":[{"field":"","rule":"syntax","message":"is not valid JSON"}]}`},
		{"", "POST", "/login", `{"name":" "}`, 400, `{"statusCode":400,"message":"Bad payload: name is required","error":"Bad Request","code":"bad_payload","details":[{"field":"name","rule":"required","message":"is required"}]}`},
		{"", "GET", "/nothing", "", 404, `{"statusCode":404,"message":"Cannot GET /nothing","error":"Not Found"}`},
		{"", "PUT", "/rooms", "", 405, `{"statusCode":405,"message":"Cannot PUT /rooms","error":"Method Not Allowed"}`},
	} {
		if status, body := e.requestAs(c.token, c.method, c.path, c.body); status != c.status || body != c.answer {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
		}
	}
}

// logins: connections without a token or with an altered one are rejected.
func logins(t *testing.T, e *example, n *nodetest.Node) {
	ann := e.login("Ann")
	part := strings.Split(ann, ".")
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		t.Fatal(err)
	}
	bob := base64.RawURLEncoding.EncodeToString(bytes.ReplaceAll(payload, []byte(`"Ann"`), []byte(`"Bob"`)))
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	for _, c := range []struct{ name, token, code string }{
		{"none", "", "token_missing"},
		{"nonsense", "a.b.c", "token_invalid"},
		{"another name", part[0] + "." + bob + "." + part[2], "token_invalid"},
		{"no signature", unsigned + "." + bob + ".", "token_invalid"},
	} {
		for _, transport := range []string{"polling", "websocket"} {
			var body failure
			_, err := n.TrySocketIO(e.url+"/chat", withAuth(nodetest.Opts{"transports": []string{transport}}, c.token))
			rejected, ok := errors.AsType[*nodetest.RemoteError](err)
			if !ok || json.Unmarshal(rejected.Data, &body) != nil || body.Code != c.code {
				t.Errorf("%s: Socket.IO over %s: %v, %v", c.name, transport, err, body)
			}
		}
		opts := nodetest.Opts{}
		if c.token != "" {
			opts = withBearer(c.token)
		}
		_, err := n.TryWS(e.ws("/ws/chat"), opts)
		rejected, ok := errors.AsType[*nodetest.RemoteError](err)
		if !ok || rejected.Status != http.StatusUnauthorized || !strings.Contains(rejected.Body, c.code) {
			t.Errorf("%s: plain WebSocket: %v", c.name, err)
		}
		for _, path := range []string{"/rooms/tea/messages", "/refresh"} {
			if status, body := e.requestAs(c.token, "POST", path, `{"text":"x"}`); status != http.StatusUnauthorized || !strings.Contains(body, c.code) {
				t.Errorf("%s: POST %s: %d %s", c.name, path, status, body)
			}
		}
	}
}

// tokenExpires: clients that refresh in time stay connected, others are disconnected.
func tokenExpires(t *testing.T, program string, n *nodetest.Node) {
	type expiring struct {
		ExpiresIn int `json:"expiresIn"`
	}
	e := start(t, program, "-token-life", "8s")
	ann, bob := e.sio(n, "Ann", nil), e.plain(n, "Bob")
	token := e.login("Cat")
	cat := n.WS(e.ws("/ws/chat"), withBearer(token))

	nodetest.Expect[expiring](cat, "token_expiring")
	status, answer := e.requestAs(token, "POST", "/refresh", "")
	want(t, "status of the refresh", status, http.StatusCreated)
	var fresh struct{ Token, Name string }
	if err := json.Unmarshal([]byte(answer), &fresh); err != nil || fresh.Name != "Cat" {
		t.Fatalf("refresh: %s", answer)
	}
	if got := nodetest.Call[expiring](cat, "token", fresh.Token); got.ExpiresIn < 1 {
		t.Errorf("answer of token: %v", got)
	}
	if _, err := cat.TryCall("token", e.login("Cat")); err == nil {
		t.Error("the token of another login with the same name is accepted")
	}

	for _, c := range []*nodetest.Client{ann, bob} {
		want(t, "exception", nodetest.Expect[failure](c, "exception"), failure{"error", "Token expired", "token_expired"})
	}
	want(t, "end on Socket.IO", ann.ExpectEnd().Reason, "io server disconnect")
	want(t, "end on plain WebSocket", bob.ExpectEnd().Code, 4401)
	nodetest.Expect[expiring](cat, "token_expiring") // of the second token
}

// rateLimits: a room has one limit for all its senders, and a client has its own.
func rateLimits(t *testing.T, e *example, n *nodetest.Node) {
	token, limited := e.login("Web"), failure{"error", "Too many requests", "rate_limited"}
	post := func(room string) int {
		status, body := e.requestAs(token, "POST", "/rooms/"+room+"/messages", `{"text":"x"}`)
		if status == http.StatusTooManyRequests && !strings.Contains(body, `"code":"rate_limited","details":{"retryAfter":1}`) {
			t.Errorf("rejected with %s", body)
		}
		return status
	}
	for platform, c := range map[string]*nodetest.Client{"socketio": e.sio(n, "Ann", nil), "ws": e.plain(n, "Ann")} {
		roomName := "loud-" + platform
		c.Call("join", nodetest.Fields{"room": roomName})
		// Few retries, below the client's own limit.
		retry(t, 5, "say is rejected in a room with too many messages over HTTP", func() bool {
			retry(t, 1000, "a POST is rejected", func() bool { return post(roomName) == http.StatusTooManyRequests })
			return callError(t, c, "say", nodetest.Fields{"text": "x"}) == limited
		})
		retry(t, 5, "another spelling of the path is the same room", func() bool {
			retry(t, 1000, "a POST is rejected", func() bool { return post(roomName) == http.StatusTooManyRequests })
			return post("l%6Fud-"+platform) == http.StatusTooManyRequests
		})
		want(t, platform+": another room", post("quiet-"+platform), http.StatusAccepted)
		// These are in no room.
		retry(t, 1000, "a client is rejected", func() bool { return callError(t, c, "leave") == limited })
	}
}

// callError calls, and returns the error of either platform, if any.
func callError(t *testing.T, c *nodetest.Client, event string, args ...any) (f failure) {
	t.Helper()
	answer, err := c.TryCall(event, args...)
	if e, ok := errors.AsType[*nodetest.RemoteError](err); ok {
		answer, err = append(answer, e.Data), nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer[0], &f); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// retry calls f up to n times until it returns true.
func retry(t *testing.T, n int, what string, f func() bool) {
	t.Helper()
	for range n {
		if f() {
			return
		}
	}
	t.Fatalf("not within %d tries: %s", n, what)
}

func page(t *testing.T, e *example) {
	for path, has := range map[string]string{"/": "<h1>", "/style.css": "body"} {
		if status, body := e.request("GET", path, ""); status != http.StatusOK || !strings.Contains(body, has) {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// onePlatform: the other platform is not served.
func onePlatform(t *testing.T, program string, n *nodetest.Node) {
	for _, platform := range []string{"socketio", "ws"} {
		e := start(t, program, "-platform", platform)
		_, sio := n.TrySocketIO(e.url, nil)
		_, ws := n.TryWS(e.ws("/ws"), nil)
		want(t, platform, []bool{sio == nil, ws == nil}, []bool{platform == "socketio", platform == "ws"})
		e.stop()
	}
}

// stops: connected clients are closed with a reason, and the status is 0.
func stops(t *testing.T, program string, n *nodetest.Node) {
	e := start(t, program)
	clients := []*nodetest.Client{e.sio(n, "Ann", nil), e.plain(n, "Bob")}
	started := time.Now()
	e.stop()
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("the stop took %v", took)
	}
	var codes []int
	for _, c := range clients {
		codes = append(codes, c.ExpectEnd().Code)
	}
	if !slices.Contains(codes, 1001) {
		t.Errorf("no close code 1001 on plain WebSocket: %v", codes)
	}
}
