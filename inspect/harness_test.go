package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// chat is the application that is inspected.
type chat struct {
	Server *websockets.Server `websockets:"server"`
}

func newChat() *chat { return &chat{} }

// Post is a payload with fields of several kinds.
type Post struct {
	Room   string   `json:"room"`
	Text   string   `json:"text"`
	Urgent bool     `json:"urgent"`
	Stars  int      `json:"stars"`
	Tags   []string `json:"tags,omitempty"`
}

var (
	user   = pipeline.NewValue[string]("user")
	posted = websockets.NewEvent[Post]("posted")
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
			c := websockets.ClientFrom(ctx)
			return len(c.Rooms()) + 1, c.Join(room)
		}, websockets.Errors(full)),
		websockets.On("post", func(ctx context.Context, p Post) (bool, error) {
			return true, posted.Emit(ctx, g.Server.To(p.Room), p)
		}),
		websockets.On("secret", func(ctx context.Context, _ string) (bool, error) {
			return true, g.Server.Emit(ctx, "unlisted", 1)
		}),
		websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil }),
	}
}

// login is a gateway whose payloads are secret.
type login struct{}

func newLogin() *login { return &login{} }

func (*login) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("login", func(_ context.Context, password string) (string, error) { return "token of " + password, nil })}
}

type rooms struct{}

func newRooms() *rooms { return &rooms{} }

func (*rooms) Routes(r chi.Router) {
	r.Get("/rooms/{room}", web.JSON(func(_ context.Context, in struct {
		Room string `path:"room"`
	}) (Post, error) {
		return Post{Room: in.Room}, nil
	}))
}

// chatModule is made anew for each test: modules are compared by pointer.
func chatModule() *module.Module {
	return module.New("chat",
		module.Providers(
			websockets.Gateway(newChat, websockets.Via(ws.New(), websockets.Path("/chat")), websockets.Via(socketio.New(), websockets.Namespace("/chat")), websockets.Emits(posted)),
			websockets.Gateway(newLogin, websockets.Via(ws.New(), websockets.Path("/login")), websockets.HideCauseData()),
		),
		module.Controllers(newRooms))
}

// inspected is a running application with an inspector.
type inspected struct {
	*apptest.App

	t     testing.TB
	log   *logBuffer
	base  string // http://localhost:port
	path  string // of the page
	token string
	jar   string // the cookie
	admin string // the header X-Admin; empty for none
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// inspect starts the application and exchanges the token.
func inspect(t testing.TB, o Options, opts ...app.Option) *inspected {
	t.Helper()
	return inspectAs(t, "", o, opts...)
}

// inspectAs is inspect with the header X-Admin.
func inspectAs(t testing.TB, admin string, o Options, opts ...app.Option) *inspected {
	t.Helper()
	x := &inspected{t: t, log: &logBuffer{}, admin: admin}
	x.start(o, opts...)
	res := x.do(http.MethodPost, x.path+"session", `{"token":"`+x.token+`"}`)
	if res.status != http.StatusNoContent || len(res.cookies) != 1 {
		t.Fatalf("session: %d %s", res.status, res.body)
	}
	x.jar = res.cookies[0].Name + "=" + res.cookies[0].Value
	return x
}

// start starts the application, and reads the URL of the page in its log.
func (x *inspected) start(o Options, opts ...app.Option) {
	x.t.Helper()
	root := module.New("root", module.Imports(chatModule(), Module(o)))
	x.App = apptest.New(x.t, root, apptest.With(append([]app.Option{app.Logger(slog.New(slog.NewTextHandler(x.log, nil)))}, opts...)...))
	found := regexp.MustCompile(`url="?http://[^/]*:(\d+)(/[^#]*)#token=([A-Z2-7]+)`).FindStringSubmatch(x.log.String())
	if found == nil {
		x.t.Fatalf("the log has no URL with a token: %s", x.log)
	}
	x.base, x.path, x.token = "http://localhost:"+found[1], found[2], found[3]
}

type answer struct {
	status  int
	body    string
	header  http.Header
	cookies []*http.Cookie
}

// do sends a request with the cookie.
func (x *inspected) do(method, path, body string) answer {
	x.t.Helper()
	req, err := http.NewRequestWithContext(x.t.Context(), method, x.base+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if x.admin != "" {
		req.Header.Set("X-Admin", x.admin)
	}
	if x.jar != "" {
		req.Header.Set("Cookie", x.jar)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return answer{res.StatusCode, string(text), res.Header, res.Cookies()}
}

// get decodes what the API answers.
func get[T any](x *inspected, path string) (v T) {
	x.t.Helper()
	res := x.do(http.MethodGet, "/inspect/api/"+path, "")
	if res.status != http.StatusOK {
		x.t.Fatalf("%s: %d %s", path, res.status, res.body)
	}
	if err := json.Unmarshal([]byte(res.body), &v); err != nil {
		x.t.Fatalf("%s: %v of %s", path, err, res.body)
	}
	return v
}

// post sends to the API, and returns the status and the body.
func (x *inspected) post(path, body string) answer {
	x.t.Helper()
	return x.do(http.MethodPost, "/inspect/api/"+path, body)
}

// page opens a page: a client of the inspector's own gateway.
func (x *inspected) page() *apptest.Client {
	x.t.Helper()
	return x.DialWS("/inspect/live", apptest.WithHeader(http.Header{"Cookie": {x.jar}}))
}

// feedOf returns the feed of the application's inspector.
func (x *inspected) feedOf() *feed {
	x.t.Helper()
	for _, i := range module.Find[*inspector](x.App.App().Modules()) {
		return i.feed
	}
	x.t.Fatal("the application has no inspector")
	return nil
}
