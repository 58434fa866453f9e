package cluster_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type userInfo struct {
	Name  string
	Photo []byte
}

// broken has a form in JSON that fails or panics.
type broken string

func (b broken) MarshalJSON() ([]byte, error) {
	if b == "panic" {
		panic("broken value")
	}
	return nil, errors.New("no form")
}

var (
	userKey     = websockets.NewKey[userInfo]("user", websockets.Shared())
	levelKey    = websockets.NewKey[int]("level", websockets.Shared())
	brokenKey   = websockets.NewKey[broken]("broken", websockets.Shared())
	hiddenKey   = websockets.NewKey[int]("hidden", websockets.Shared()) // is not declared
	privateKey  = websockets.NewKey[string]("private")
	otherUser   = websockets.NewKey[int]("user", websockets.Shared())
	channelKey  = websockets.NewKey[chan int]("channel", websockets.Shared())
	functionKey = websockets.NewKey[func()]("function")
)

// lobby sets values of its clients.
type lobby struct {
	Server *websockets.Server `websockets:"server"`
}

func newLobby() *lobby { return &lobby{} }

func (g *lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("sign in", func(ctx context.Context, name string) (string, error) {
		c := websockets.ClientFrom(ctx)
		userKey.Set(c, userInfo{name, []byte{0, 255}})
		levelKey.Set(c, 7)
		hiddenKey.Set(c, 1)
		privateKey.Set(c, "secret")
		functionKey.Set(c, func() {})
		if name == "panic" || name == "error" {
			brokenKey.Set(c, broken(name))
		}
		return c.ID(), nil
	})}
}

// Fetch has the declared shared values of clients of all nodes, the own one included, and no others.
// One that does not encode is logged, and left out.
func TestSharedValues(t *testing.T) {
	bus := memory.NewBus()
	m := module.New("lobby", module.Exports(websockets.Gateway(newLobby, websockets.Shares(userKey, levelKey), websockets.Shares(brokenKey))))
	log := &testkit.Log{}
	start := func() *apptest.App {
		return apptest.New(t, m, apptest.With(app.WebSockets(ws.New()), app.Backplane(bus.Node()), app.Logger(log.Logger(slog.LevelInfo))))
	}
	a, b := start(), start()
	server := apptest.Get[*lobby](a).Server
	testkit.Eventually(t, "the nodes know each other", func() bool { return len(server.Nodes()) == 2 })
	names := map[string]string{}
	for name, n := range map[string]*apptest.App{"ann": a, "bob": b, "panic": b, "error": a} {
		names[apptest.Call[string](n.DialWS("/"), "sign in", name)] = name
	}
	for range 2 {
		found, err := server.Fetch(t.Context())
		if err != nil || len(found.Clients) != 4 {
			t.Fatalf("%d clients, %v, %v", len(found.Clients), found.Unreachable, err)
		}
		for _, c := range found.Clients {
			user, ok := userKey.Of(c.Shared)
			level, ok2 := levelKey.Of(c.Shared)
			if !ok || !ok2 || user.Name != names[c.ID] || string(user.Photo) != "\x00\xff" || level != 7 || len(c.Shared) != 2 {
				t.Errorf("%s: %+v, %d, %v", names[c.ID], user, level, c.Shared)
			}
			if _, ok := otherUser.Of(c.Shared); ok {
				t.Error("a value of another type decodes")
			}
			if _, ok := privateKey.Of(c.Shared); ok {
				t.Error("a value that is not shared travels")
			}
		}
	}
	if n := len(log.Lines("does not travel", "key=hidden")); n != 2 { // once on each node
		t.Errorf("%d lines about a key that is not declared", n)
	}
	if len(log.Lines("do not encode", "no form")) == 0 || len(log.Lines("do not encode", "broken value")) == 0 {
		t.Errorf("log: %s", log)
	}
}

// What is wrong with shared keys is found before the start.
func TestSharedKeys(t *testing.T) {
	for want, shares := range map[string]websockets.Option{
		`two shared keys are named "user"`:         websockets.Shares(userKey, otherUser),
		`shared key "channel": the value chan int`: websockets.Shares(channelKey),
		`Shares: key "private" is not shared`:      websockets.Shares(privateKey),
		`Shares: key 2 is nil; pass one of NewKey`: websockets.Shares(userKey, nil),
		"": websockets.Shares(userKey, userKey, levelKey),
	} {
		m := module.New("lobby", module.Providers(websockets.Gateway(newLobby, shares)))
		err := app.Validate(m, app.WebSockets(ws.New()))
		if err == nil && want != "" { // a type's form is found at the start
			a, newErr := app.New(m, app.Mounted(), app.WebSockets(ws.New()))
			if err = newErr; err == nil {
				err = a.Start(t.Context())
			}
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %q", err, want)
		}
	}
}
