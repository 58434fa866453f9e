package adminui_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/inspect/adminui"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// auth is what the page sends.
type auth struct {
	Username  string `json:"username,omitempty"`
	Password  string `json:"password,omitempty"`
	SessionID string `json:"sessionId,omitempty"`
}

func login(a *apptest.App) *apptest.Client {
	return a.DialSocketIO("/admin", apptest.WithAuth(auth{Username: "admin", Password: password}))
}

// try returns the message with which a login is refused; empty for one that is not.
func try(t *testing.T, a *apptest.App, auth any) string {
	t.Helper()
	c, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace("/admin"), apptest.WithAuth(auth))
	if err == nil {
		c.Close()
		return ""
	}
	refused, ok := errors.AsType[*apptest.DialError](err)
	if !ok {
		t.Fatal(err)
	}
	return refused.Message
}

// await waits for an event whose arguments contain all texts.
func await(page *apptest.Client, event string, texts ...string) string {
	for {
		m := string(apptest.Expect[json.RawMessage](page, event))
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(m, text) }) {
			return m
		}
	}
}

// TestReadOnly: a page that is read-only is offered no action, and each that is sent by hand is refused.
func TestReadOnly(t *testing.T) {
	a := start(t, adminui.Options{Mode: adminui.Development, ReadOnly: true})
	c := a.DialSocketIO("/")
	apptest.Call[string](c, "join", "tea")
	page := login(a)
	if config := await(page, "config"); config != `{"supportedFeatures":["AGGREGATED_EVENTS","ALL_EVENTS"]}` {
		t.Errorf("config: %s", config)
	}
	for _, args := range [][]any{{"emit", "/", "tea", "greeting"}, {"join", "/", "coffee", c.ID()}, {"leave", "/", "tea", c.ID()}, {"_disconnect", "/", true, c.ID()}} {
		page.Emit(args[0].(string), args[1:]...)
		if e := apptest.Expect[apptest.Exception](page, "exception"); e.Message != "The admin UI is read-only" {
			t.Errorf("%v: %+v", args, e)
		}
	}
	c.ExpectNone("greeting", func() { apptest.Call[string](c, "say", "here") })
	server := apptest.Get[*chat](a).Server
	if server.Local().To("tea").Len() != 1 || server.Local().To("coffee").Len() != 0 {
		t.Error("the rooms of the client have changed")
	}
}

// TestWrongPasswords: of 100 wrong passwords of one address 10 are looked at, and then not even the right one is; sessions go on.
func TestWrongPasswords(t *testing.T) {
	log := &testkit.Log{}
	a := start(t, adminui.Options{}, app.Logger(log.Logger(0)))
	page := login(a)
	session := apptest.Expect[string](page, "session")
	refused := map[string]int{}
	for range 100 {
		refused[try(t, a, auth{Username: "admin", Password: "wrong"})]++
	}
	checked := len(log.Lines("wrong user or password"))
	if checked < 5 || checked > 20 || refused["invalid credentials"] != checked || refused[""] > 0 {
		t.Errorf("%d passwords were looked at; answers: %v", checked, refused)
	}
	if m := try(t, a, auth{Username: "admin", Password: password}); m == "" || m == "invalid credentials" {
		t.Errorf("the right password after 100 wrong ones: %q", m)
	}
	if m := try(t, a, auth{SessionID: session}); m != "" {
		t.Errorf("the session is refused: %s", m)
	}
}

// TestCredentials: whatever is not the password or a session is answered with the text that the page compares.
func TestCredentials(t *testing.T) {
	a := start(t, adminui.Options{})
	for name, auth := range map[string]any{
		"nothing": nil, "an empty session": auth{}, "an unknown session": auth{SessionID: "x"}, "another user": auth{Username: "root", Password: password},
		"no user": auth{Password: password}, "a number": map[string]any{"username": 7, "password": []int{1}}, "an empty password": auth{Username: "admin"},
	} {
		if m := try(t, a, auth); m != "invalid credentials" {
			t.Errorf("%s: %q", name, m)
		}
	}
}

// TestNodes: a page sees the servers and sockets of all nodes, with their rooms, and disconnects a client of another one. Its session
// holds there.
func TestNodes(t *testing.T) {
	bus := memory.NewBus()
	node := func(id string) *apptest.App {
		return start(t, adminui.Options{Mode: adminui.Development, ServerID: id}, app.Backplane(bus.Node()))
	}
	a, b := node("one"), node("two")
	testkit.Eventually(t, "the nodes know each other", func() bool { return len(a.App().Nodes()) == 2 && len(b.App().Nodes()) == 2 })
	here, there := a.DialSocketIO("/"), b.DialSocketIO("/")
	apptest.Call[string](there, "join", "tea")

	page := login(a)
	await(page, "all_sockets", here.ID())
	await(page, "socket_connected", there.ID(), `"tea"`)
	await(page, "server_stats", `"serverId":"one"`, `"socketsCount":1`)
	await(page, "server_stats", `"serverId":"two"`, `"socketsCount":1`)
	apptest.Call[string](there, "join", "coffee")
	await(page, "room_joined", there.ID(), "coffee")
	apptest.Call[string](there, "say", "hello")
	await(page, "event_received", there.ID(), `["say","hello"]`)

	page.Emit("_disconnect", "/", false, there.ID())
	if end := there.ExpectClose(); end.Reason != "io server disconnect" {
		t.Errorf("the client of the other node sees %v", end)
	}
	await(page, "socket_disconnected", there.ID())
	if m := try(t, b, auth{SessionID: apptest.Expect[string](page, "session")}); m != "" {
		t.Errorf("the other node refuses the session: %s", m)
	}
}

// TestReadOnlyNode: a node that is read-only does no action of a page of another node that is not.
func TestReadOnlyNode(t *testing.T) {
	bus, log := memory.NewBus(), &testkit.Log{}
	a := start(t, adminui.Options{Mode: adminui.Development}, app.Backplane(bus.Node()))
	b := start(t, adminui.Options{Mode: adminui.Development, ReadOnly: true}, app.Backplane(bus.Node()), app.Logger(log.Logger(0)))
	testkit.Eventually(t, "the nodes know each other", func() bool { return len(a.App().Nodes()) == 2 && len(b.App().Nodes()) == 2 })
	here, there := a.DialSocketIO("/"), b.DialSocketIO("/")
	page := login(a)
	await(page, "socket_connected", there.ID())
	page.Emit("join", "/", "coffee")
	await(page, "room_joined", "coffee", here.ID())
	testkit.Eventually(t, "the other node refuses the action", func() bool { return len(log.Lines("The admin UI is read-only")) > 0 })
	if n := apptest.Get[*chat](b).Server.Local().To("coffee").Len(); n != 0 {
		t.Errorf("%d clients of the node that is read-only have joined the room", n)
	}
}

// TestProduction: a page in production sees counters only.
func TestProduction(t *testing.T) {
	a := start(t, adminui.Options{})
	c := a.DialSocketIO("/")
	page := login(a)
	await(page, "server_stats")
	apptest.Call[string](c, "join", "tea")
	apptest.Call[string](c, "say", "hello")
	await(page, "server_stats", "packetsIn", "packetsOut", "bytesIn", "bytesOut")
	for _, event := range []string{"all_sockets", "socket_connected", "room_joined", "event_received", "event_sent"} {
		page.ExpectNone(event)
	}
}

// TestSecrets: a page does not see what authenticates a client, and sees clients of plain WebSocket.
func TestSecrets(t *testing.T) {
	a := start(t, adminui.Options{Mode: adminui.Development})
	const secret = "s3cret"
	header := http.Header{"Authorization": {"Bearer " + secret}, "Cookie": {"id=" + secret}, "X-Shown": {"yes"}}
	a.DialSocketIO("/?token="+secret+"&lang=en", apptest.WithHeader(header), apptest.WithAuth(map[string]string{"token": secret}))
	plain := a.DialWS("/plain?access_token="+secret, apptest.WithHeader(header))
	apptest.Call[string](plain, "join", "tea")
	all := await(login(a), "all_sockets", `"lang":"en"`, `"nsp":"ws:/plain"`, `"x-shown":"yes"`, "[hidden]")
	if strings.Contains(all, secret) {
		t.Errorf("a secret is shown: %s", all)
	}
}

// TestEventsPerSecond: of many messages a page is sent few.
func TestEventsPerSecond(t *testing.T) {
	a := start(t, adminui.Options{Mode: adminui.Development, EventsPerSecond: 40})
	c := a.DialSocketIO("/")
	page := login(a)
	await(page, "server_stats")
	await(page, "server_stats")
	for range 1000 {
		c.Emit("say", "hello")
	}
	// Each message is received, and answered by an event: 2,000 in all.
	seen, stats := 0, 0
	for stats < 2 {
		switch m := page.Next(); m.Event {
		case "event_received", "event_sent":
			seen++
		case "server_stats":
			stats++
		}
	}
	if seen == 0 || seen > 40*5 {
		t.Errorf("the page was sent %d messages within two statistics, of 4 s", seen)
	}
}

// TestLost: after changes that did not fit into the queue, a page is sent all sockets again.
func TestLost(t *testing.T) {
	a, admin := startAdmin(t, adminui.Options{Mode: adminui.Development})
	c := a.DialSocketIO("/")
	page := login(a)
	await(page, "all_sockets", c.ID())
	admin.Lose()
	await(page, "all_sockets", c.ID())
}

// TestManySockets: a page is sent as many sockets as it can take, and not thousands of changes in a second.
func TestManySockets(t *testing.T) {
	a, admin := startAdmin(t, adminui.Options{Mode: adminui.Development})
	hooks := admin.Hooks()
	add := func(from, to int) {
		for i := from; i < to; i++ {
			hooks.Connected(apptest.NewFakeClient(strconv.Itoa(i)))
		}
	}
	add(0, 6000)
	page := login(a)
	list := apptest.Expect[[]struct{ ID string }](page, "all_sockets")
	if len(list) < 1000 || len(list) > 5000 {
		t.Errorf("the page was sent %d sockets", len(list))
	}
	add(6000, 9000)
	changes := 0
	for {
		m := page.Next()
		if m.Event == "socket_connected" || m.Event == "room_joined" {
			changes++
		}
		if m.Event == "all_sockets" {
			break
		}
	}
	if changes > 2000 {
		t.Errorf("the page was sent %d changes before it was sent the list again", changes)
	}
}

// TestMaxPages: one page too many is refused, and another may come when one has left.
func TestMaxPages(t *testing.T) {
	a, admin := startAdmin(t, adminui.Options{})
	first := login(a)
	session := apptest.Expect[string](first, "session")
	again := func() *apptest.Client { return a.DialSocketIO("/admin", apptest.WithAuth(auth{SessionID: session})) }
	pages := []*apptest.Client{first}
	for range adminui.MaxPages - 1 {
		p := again()
		await(p, "server_stats")
		pages = append(pages, p)
	}
	if e := apptest.Expect[apptest.Exception](again(), "exception"); e.Code != "too_many_pages" {
		t.Errorf("one page too many: %+v", e)
	}
	for _, p := range pages {
		p.Close()
	}
	testkit.Eventually(t, "nothing is watched", func() bool { return !admin.Watched() })
	await(again(), "server_stats")
}

// TestIdle: while no page is open, hooks need no memory.
func TestIdle(t *testing.T) {
	for _, mode := range []adminui.Mode{adminui.Production, adminui.Development} {
		admin, err := adminui.New(adminui.Options{Username: "admin", PasswordHash: hash(t), Mode: mode})
		if err != nil {
			t.Fatal(err)
		}
		h, c := admin.Hooks(), websockets.Client(apptest.NewFakeClient("1"))
		h.Connected(c)
		payload := websockets.Payload{JSON: []byte(`"hello"`)}
		n := testing.AllocsPerRun(100, func() {
			h.Received(c, observe.Received{Event: "say", Payload: payload})
			h.Answered(c, observe.Answer{Event: "say", Payload: payload})
			if h.Sent != nil {
				h.Sent(c, observe.Sent{Event: "said", Payload: payload})
				h.Joined(c, "tea")
				h.Left(c, "tea")
				return
			}
			ctx, done := h.Emit(t.Context(), observe.Emission{Event: "said"})
			if ctx != t.Context() || done != nil {
				t.Error("Emit is observed")
			}
		})
		if n != 0 {
			t.Errorf("mode %d: %v allocations", mode, n)
		}
		h.Disconnected(c, websockets.Reason{}, 0)
	}
}

// TestOptions: options that cannot work are errors of New.
func TestOptions(t *testing.T) {
	for want, o := range map[string]adminui.Options{
		"Options.Username is empty":                 {PasswordHash: hash(t)},
		"Options.PasswordHash is no hash of bcrypt": {Username: "admin", PasswordHash: password},
	} {
		if _, err := adminui.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
	start := func(root *module.Module) error {
		program, err := app.New(root, app.Mounted(), app.WebSockets(socketio.New()), app.Logger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		if err := program.Start(t.Context()); err != nil {
			return err
		}
		return program.Stop(t.Context())
	}
	admin, err := adminui.New(adminui.Options{Username: "admin", PasswordHash: hash(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := start(admin.Module()); err != nil {
		t.Error(err)
	}
	if err := start(admin.Module()); err == nil || !strings.Contains(err.Error(), "is part of another application") {
		t.Errorf("the Admin of another application: %v", err)
	}
	if _, err := adminui.New(adminui.Options{Username: "admin", PasswordHash: "$2y" + hash(t)[3:]}); err != nil {
		t.Errorf("a hash of htpasswd: %v", err)
	}
}
