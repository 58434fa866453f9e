package inspect_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/inspect"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type store struct{ counted atomic.Int64 }

func newStore() *store { return &store{} }

type chat struct {
	Server *websockets.Server `websockets:"server"`

	counted *atomic.Int64 // messages of the event count
}

func newChat(s *store) *chat { return &chat{counted: &s.counted} }

// Post is a message of a room.
type Post struct {
	Room   string   `json:"room"`
	Text   string   `json:"text"`
	Mood   *string  `json:"mood,omitempty"`
	Urgent bool     `json:"urgent"`
	Stars  int      `json:"stars"`
	Tags   []string `json:"tags,omitempty"`
	Author *Author  `json:"author,omitempty"`
}

// Author is one that posts.
type Author struct {
	Name string `json:"name"`
}

var (
	posted = websockets.NewEvent[Post]("posted")
	user   = pipeline.NewValue[string]("user")
	full   = &websockets.Error{Message: "Room is full", Code: "room_full"}
)

func (g *chat) HandleConnection(_ context.Context, c websockets.Client) error {
	user.Set(c, "ann")
	return nil
}

func (g *chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", func(ctx context.Context, room string) (int, error) {
			if room == "full" {
				return 0, full
			}
			return len(room), websockets.ClientFrom(ctx).Join(room)
		}, websockets.Errors(full)),
		websockets.On("post", func(ctx context.Context, p Post) (bool, error) { return true, posted.Emit(ctx, g.Server.To(p.Room), p) }),
		websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil }),
		websockets.Listen("count", func(context.Context, string) error { g.counted.Add(1); return nil }),
		websockets.Listen("typing", func(ctx context.Context, room string) error { return g.Server.To(room).Emit(ctx, "typing", room) }),
	}
}

type members struct{}

func newMembers(*store) *members { return &members{} }

func (*members) Routes(r chi.Router) {
	r.Get("/rooms/{room}/members", web.JSON(func(_ context.Context, in struct {
		Room  string `path:"room"`
		Limit *int   `query:"limit"`
	}) ([]Author, error) {
		return []Author{{in.Room}}, nil
	}))
	r.Post("/rooms/{room}", web.JSON(func(_ context.Context, in struct {
		Room string `path:"room"`
		Post
	}) (Post, error) {
		return in.Post, nil
	}))
}

type token struct{}

func (token) Check(context.Context, *pipeline.Call) error { return nil }

func (token) Schemes() []pipeline.Scheme {
	return []pipeline.Scheme{{Kind: pipeline.SchemeQuery, Key: "token"}}
}

func root(o inspect.Options) *module.Module {
	storage := module.New("storage", module.Exports(newStore))
	chats := module.New("chat", module.Imports(storage), module.Providers(
		websockets.Gateway(newChat, websockets.Via(ws.New(), websockets.Path("/ws/chat/{room}")), websockets.Via(socketio.New(), websockets.Namespace("/chat")),
			websockets.Emits(posted), websockets.UseGuards(token{}))))
	people := module.New("members", module.Imports(storage), module.Controllers(newMembers))
	return module.New("app", module.Imports(chats, people, inspect.Module(o)))
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// start starts the application, and returns it with the URL that its log has.
func start(t *testing.T, opts ...app.Option) (a *apptest.App, url string) {
	t.Helper()
	log := &buffer{}
	a = apptest.New(t, root(inspect.Options{Pprof: "/debug/pprof/"}), apptest.With(append([]app.Option{app.Logger(slog.New(slog.NewTextHandler(log, nil)))}, opts...)...))
	log.mu.Lock()
	defer log.mu.Unlock()
	found := regexp.MustCompile(`url="(http://[^"]+)"`).FindStringSubmatch(log.b.String())
	if found == nil {
		t.Fatalf("no URL in %s", log.b.String())
	}
	return a, found[1]
}

// clients connects some, in rooms.
func clients(t *testing.T, a *apptest.App, n int) (all []*apptest.Client) {
	t.Helper()
	for i := range n {
		var c *apptest.Client
		if i%2 == 0 {
			c = a.DialWS(fmt.Sprintf("/ws/chat/tea?token=secret%d", i))
		} else {
			c = a.DialSocketIO("/chat")
		}
		c.Call("join", []string{"tea", "coffee", "water"}[i%3])
		all = append(all, c)
	}
	return all
}
