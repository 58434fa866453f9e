package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var (
	errGone = errors.New("no rows")
	gone    = &pipeline.Error{Message: "Not here any more", Code: "gone", Status: http.StatusGone}
)

// outcomes receives one line for each call of Outcome.
type outcomes chan string

func (o outcomes) Intercept(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
	return next(ctx)
}

func (o outcomes) Outcome(_ context.Context, c *pipeline.Call, out pipeline.Outcome) {
	owner := "no owner"
	if c.Name != "" {
		owner = "owned"
	}
	line := fmt.Sprintf("%s %q %s, status %d", c.Kind, c.Pattern, owner, out.Status)
	if out.Denied {
		line += ", denied"
	}
	if out.Err != nil {
		line += ": " + out.Err.Error()
	}
	if out.Client != nil {
		line += " → " + out.Client.Message
	}
	if out.Took <= 0 && c.Name != "" {
		line += ", took no time"
	}
	o <- line
}

// want waits for outcomes, and checks that there are no others before them.
func (o outcomes) want(t *testing.T, what string, lines ...string) {
	t.Helper()
	for _, want := range lines {
		select {
		case got := <-o:
			if got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
			}
		case <-time.After(testkit.Patience):
			t.Fatalf("%s: no outcome %s", what, want)
		}
	}
}

// endings has a handler and a route for each way in which a call can end.
type endings struct{}

type parcel struct {
	N int `json:"n" query:"n"`
}

func (p *parcel) Validate() error {
	if p.N == 13 {
		return errors.New("n must not be 13")
	}
	return nil
}

func (endings) end(_ context.Context, p parcel) (int, error) {
	switch p.N {
	case 1:
		return 0, fmt.Errorf("load: %w", errGone)
	case 2:
		return 0, errors.New("disk full")
	case 3:
		panic("crash")
	}
	return p.N, nil
}

func (e endings) Subscriptions() []websockets.Subscription {
	deny := websockets.UseGuards(func(context.Context, *pipeline.Call) error { return pipeline.ErrForbidden })
	return []websockets.Subscription{
		websockets.On("end", e.end),
		websockets.On("denied", e.end, deny),
		websockets.Listen("listen", func(context.Context, parcel) error { return nil }),
		websockets.On("background", e.end, websockets.Background(1)),
	}
}

func (endings) HandleConnection(_ context.Context, c websockets.Client) error {
	if c.Request().URL.Query().Get("as") == "hook" {
		return errGone
	}
	return nil
}

type endingRoutes struct{ endings endings }

func (c endingRoutes) Routes(r chi.Router) {
	e := c.endings
	r.Get("/end", web.JSON(e.end))
	web.Use(r, web.UseGuards(pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return pipeline.ErrForbidden }))).
		Get("/denied", web.JSON(e.end))
	r.Get("/teapot", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	r.Get("/empty", func(http.ResponseWriter, *http.Request) {})
	r.Get("/late", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusAccepted)
		return errGone
	}))
	inner := chi.NewRouter()
	inner.Get("/here", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("here")) })
	r.Mount("/inner", inner)
	r.Route("/deep", func(r chi.Router) {
		r.Use(func(next http.Handler) http.Handler { return next })
		r.Get("/here", web.JSON(e.end))
	})
}

// doorkeeper refuses the connections that their own query names, at each point.
type doorkeeper struct{}

func (doorkeeper) Check(_ context.Context, c *pipeline.Call) error {
	if c.Request.URL.Query().Get("as") == string(c.Kind) {
		return &pipeline.Error{Message: "Who are you?", Code: "unknown", Status: http.StatusUnauthorized}
	}
	return nil
}

func (d doorkeeper) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	return d.Check(ctx, c)
}

// TestOutcome: an interceptor sees how every request, message and refused connection has ended,
// after the filters, once, on every platform.
func TestOutcome(t *testing.T) {
	seen := make(outcomes, 64)
	crashes := pipeline.OutcomeFunc(func(context.Context, *pipeline.Call, pipeline.Outcome) { panic("an Outcome that panics") })
	a := apptest.New(t, module.New("endings",
		module.Providers(websockets.Gateway(func() endings { return endings{} },
			websockets.Via(socketio.New()), websockets.Via(ws.New(), websockets.Path("/ws")))),
		module.Controllers(func() endingRoutes { return endingRoutes{} }),
	), apptest.With(quiet(), app.UseInterceptors(seen, crashes), app.UseGuards(doorkeeper{}), app.UseFilters(pipeline.FilterIs(errGone, gone))))

	const internal = "Internal server error"
	t.Run("HTTP", func(t *testing.T) {
		for _, tt := range []struct{ method, path, want string }{
			{"GET", "/end?n=7", `http "GET /end" owned, status 200`},
			{"GET", "/end?n=1", `http "GET /end" owned, status 410: load: no rows → Not here any more`},
			{"GET", "/end?n=2", `http "GET /end" owned, status 500: disk full → ` + internal},
			{"GET", "/end?n=3", `http "GET /end" owned, status 500: panic: crash → ` + internal},
			{"GET", "/end?n=13", `http "GET /end" owned, status 400: Bad payload: n must not be 13: n must not be 13 → Bad payload: n must not be 13`},
			{"GET", "/denied", `http "GET /denied" owned, status 403, denied: Forbidden resource → Forbidden resource`},
			{"GET", "/teapot", `http "GET /teapot" owned, status 418`},
			{"GET", "/empty", `http "GET /empty" owned, status 200`},
			{"GET", "/late", `http "GET /late" owned, status 202: no rows`},
			{"GET", "/inner/here", `http "GET /inner/*" owned, status 200`},
			{"GET", "/inner/typo", `http "GET /inner/*" owned, status 404`},
			{"GET", "/typo", `http "" no owner, status 404: Cannot GET /typo → Cannot GET /typo`},
			{"POST", "/end", `http "" no owner, status 405: Cannot POST /end → Cannot POST /end`},
			{"GET", "/deep/typo", `http "" no owner, status 404: Cannot GET /deep/typo → Cannot GET /deep/typo`},
		} {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, a.URL()+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if want := fmt.Sprintf("status %d", resp.StatusCode); !strings.Contains(tt.want, want) {
				t.Errorf("%s %s: %s", tt.method, tt.path, want)
			}
			seen.want(t, tt.method+" "+tt.path, tt.want)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	for _, p := range []struct {
		name, pattern string
		dial          func(as string) (*apptest.Client, error)
		refused       int // the status of a refused connection
		handshake     string
	}{
		{"ws", "/ws", func(as string) (*apptest.Client, error) {
			return apptest.TryDialWS(t, a.URL()+"/ws?as="+as)
		}, 401, `handshake "/ws"`},
		{"socketio", "/", func(as string) (*apptest.Client, error) {
			return apptest.TryDialSocketIO(t, a.URL()+"?as="+as)
		}, 0, `handshake "/socket.io/"`},
	} {
		t.Run(p.name, func(t *testing.T) {
			c, err := p.dial("")
			if err != nil {
				t.Fatal(err)
			}
			for _, tt := range []struct {
				event string
				n     int
				want  string
			}{
				{"end", 7, `message "end" owned, status 0`},
				{"end", 1, `message "end" owned, status 0: load: no rows → Not here any more`},
				{"end", 2, `message "end" owned, status 0: disk full → ` + internal},
				{"end", 3, `message "end" owned, status 0: panic: crash → ` + internal},
				{"end", 13, `message "end" owned, status 0: Bad payload: n must not be 13: n must not be 13 → Bad payload: n must not be 13`},
				{"denied", 1, `message "denied" owned, status 0, denied: Forbidden resource → Forbidden resource`},
				{"listen", 1, `message "listen" owned, status 0`},
				{"background", 1, `message "background" owned, status 0: load: no rows → Not here any more`},
				{"typo", 1, `message "typo" no owner, status 0: Unknown event → Unknown event`},
			} {
				_, _ = c.TryCall(tt.event, parcel{tt.n})
				seen.want(t, fmt.Sprint(tt.event, tt.n), tt.want)
			}
			c.Emit("typo", 1) // asks for no answer
			seen.want(t, "typo without an ack", `message "typo" no owner, status 0: Unknown event`)
			c.Close()

			for as, want := range map[string]string{
				"handshake": p.handshake + " owned, status 401, denied: Who are you? → Who are you?",
				"connect":   fmt.Sprintf(`connect %q owned, status %d, denied: Who are you? → Who are you?`, p.pattern, p.refused),
			} {
				if _, err := p.dial(as); err == nil {
					t.Errorf("%s: accepted", as)
				}
				seen.want(t, as, want)
			}
			c, err = p.dial("hook")
			if err != nil {
				t.Fatal(err)
			}
			seen.want(t, "HandleConnection", fmt.Sprintf(`connect %q owned, status 0: no rows → Not here any more`, p.pattern))
			c.Close()
		})
	}
	if _, err := apptest.TryDialWS(t, a.URL()+"/typo"); err == nil {
		t.Error("a path without a gateway was accepted")
	}
	seen.want(t, "a path without a gateway", `handshake "" no owner, status 404: No gateway at this path → No gateway at this path`)
	if err := a.App().Stop(t.Context()); err != nil { // later outcomes are in the channel
		t.Error(err)
	}
	if len(seen) > 0 {
		t.Errorf("%d more outcomes, the first is %s", len(seen), <-seen)
	}
}
