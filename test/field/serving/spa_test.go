package serving_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type roomsController struct{}

func newRoomsController() *roomsController { return &roomsController{} }

func (*roomsController) Routes(r chi.Router) {
	r.Get("/rooms", web.JSON(func(context.Context, struct{}) ([]string, error) { return []string{"tea"}, nil }))
}

type site struct{ opts []web.StaticOption }

func newSite(opts ...web.StaticOption) func() *site { return func() *site { return &site{opts} } }

func (s *site) Routes(r chi.Router) {
	r.Post("/chat", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }) // a gateway is there too
	web.Static(r, "/", fstest.MapFS{"index.html": {Data: []byte("page")}, "app.js": {Data: []byte("start()")}}, s.opts...)
}

// TestField_X64_SPA: The fallback of a single-page application answered unknown API routes, polls of Socket.IO at a wrong
// path and gateways' paths with its page, and the application's prefix moved the page too; they are answered 404 or
// 426, and web.WithoutPrefix keeps the page at the root.
func TestField_X64_SPA(t *testing.T) {
	const page, nope, noGateway = "200 page", `"message":"Cannot `, "No gateway at this path"
	for name, c := range map[string]struct {
		site   any
		prefix []web.Option
		paths  map[string]string
	}{
		"with the application's prefix": {
			web.Controller(newSite(web.SPA()), web.WithoutPrefix()), []web.Option{web.Prefix("/api")},
			map[string]string{"GET /api/rooms": `200 ["tea"]`, "POST /api/rooms": "405 ", "GET /rooms": page, "GET /api": "404 ", "GET /apiary": page},
		},
		"with exceptions": {
			newSite(web.SPA("/api/", "/rooms")), nil,
			map[string]string{"GET /rooms": `200 ["tea"]`, "POST /rooms": "405 ", "GET /rooms/5": "404 ", "GET /apiary": page, "GET /api": "404 "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			chat := websockets.Gateway(newEchoGateway, websockets.Via(ws.New(), websockets.Path("/chat")), websockets.Via(socketio.New(), websockets.Path("/io")))
			a := apptest.New(t, module.New("spa", module.Providers(chat), module.Controllers(newRoomsController, c.site)),
				apptest.With(app.HTTP("127.0.0.1:0", c.prefix...)))
			for target, want := range map[string]string{
				"GET /": page, "GET /deep/link": page, "GET /app.js": "200 start()", "GET /none.js": "404 ",
				"GET /api/nope": "404 " + nope, "POST /api/nope": "404 " + nope, "DELETE /api/v1/nope": "404 " + nope,
				"GET /chat": "426 ", "POST /chat": "202 ", "GET /socket.io/?EIO=4&transport=polling": "404 " + noGateway, "GET /io/?EIO=4&transport=polling": "200 0{",
				"POST /deep/link": "405 ",
			} {
				if _, ok := c.paths[target]; !ok {
					c.paths[target] = want
				}
			}
			for target, want := range c.paths {
				method, path, _ := strings.Cut(target, " ")
				req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				r, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				b, _ := io.ReadAll(r.Body)
				_ = r.Body.Close()
				status, text, _ := strings.Cut(want, " ")
				if r.Status[:3] != status || !strings.Contains(string(b), text) {
					t.Errorf("%s: %s %s, want %s", target, r.Status, b, want)
				}
				if _, after, ok := strings.Cut(string(b), `"sid":"`); ok {
					sid, _, _ := strings.Cut(after, `"`)
					r, err := http.Post(a.URL()+path+"&sid="+sid, "text/plain", strings.NewReader("1"))
					if err != nil {
						t.Fatal(err)
					}
					_ = r.Body.Close()
				}
			}
			http.DefaultClient.CloseIdleConnections()
			if got := apptest.Call[string](a.DialWS("/chat"), "echo", "hello"); got != "hello" {
				t.Errorf("echo: %q", got)
			}
		})
	}
}
