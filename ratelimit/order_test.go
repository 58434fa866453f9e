package ratelimit_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/web"
)

var user = pipeline.NewValue[string]("user")

// tokenGuard identifies clients by a header, as any guard of a user may.
type tokenGuard struct{}

func newTokenGuard() tokenGuard { return tokenGuard{} }

func (tokenGuard) Check(_ context.Context, c *pipeline.Call) error {
	user.Set(c, c.Request.Header.Get("X-User"))
	return nil
}

func perUser(_ context.Context, c *pipeline.Call) (string, bool) { return user.Get(c) }

type account struct{}

func newAccount() account { return account{} }

func (account) Routes(r chi.Router) {
	r.Get("/me", web.JSON(func(context.Context, struct{}) (string, error) { return "me", nil }))
	r.Get("/mine", web.JSON(func(context.Context, struct{}) (string, error) { return "mine", nil }))
}

// A rate limit by user that is bound before the guard that identifies users counts no request: the start warns and
// names both, with their places.
func TestOrderOfByAndIdentity(t *testing.T) {
	guarded := web.Controller(newAccount, web.UseGuards(newTokenGuard))
	limit := func(opts ...ratelimit.Option) pipeline.Guard { return ratelimit.By(perUser, 0, 1, opts...) }
	for _, tt := range []struct {
		name       string
		controller any
		opts       []app.Option
		second     int      // the status of the second request of a user
		warning    []string // words of the only one; none: no warning
	}{
		{"at the application", guarded, []app.Option{app.UseGuards(limit())}, 200, []string{
			"of app.UseGuards (ratelimit/order_test.go:", `"ratelimit.By(ratelimit_test.perUser)`, `"ratelimit_test.newTokenGuard of controller ratelimit_test.newAccount (ratelimit/order_test.go:`, `routes="GET /me, GET /mine"`,
		}},
		{"a constructor", guarded, []app.Option{app.HTTP("127.0.0.1:0"), app.UseGuards(newLimit)}, 200, []string{"ratelimit_test.newLimit of app.UseGuards"}},
		{"in one list", web.Controller(newAccount, web.UseGuards(limit(), newTokenGuard)), nil, 200, []string{"of controller ratelimit_test.newAccount"}},
		{"after it", web.Controller(newAccount, web.UseGuards(newTokenGuard, limit())), nil, 429, nil},
		{"after it, at a route", web.Controller(newAccount, web.UseGuards(newTokenGuard), web.ForRoute("GET /me", web.UseGuards(limit()))), nil, 429, nil},
		{"declared", guarded, []app.Option{app.UseGuards(limit(ratelimit.WithoutIdentity()))}, 200, nil},
		{"no other guard", newAccount, []app.Option{app.UseGuards(limit())}, 200, nil},
		{"other limits", guarded, []app.Option{app.UseGuards(ratelimit.Requests(0, 1))}, 429, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := &testkit.Log{}
			opts := append([]app.Option{app.HTTP("127.0.0.1:0"), app.Logger(log.Logger(slog.LevelWarn))}, tt.opts...)
			a, err := app.New(module.New("test", module.Controllers(tt.controller)), opts...)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() {
				http.DefaultClient.CloseIdleConnections()
				_ = a.Stop(context.Background())
			}()
			lines := log.Lines("before the one that identifies clients")
			if want := len(tt.warning); len(lines) != min(want, 1) {
				t.Fatalf("the log has %q", log)
			}
			for _, w := range tt.warning {
				if !strings.Contains(lines[0], w) {
					t.Errorf("the warning has no %s: %s", w, lines[0])
				}
			}
			for i, want := range []int{200, tt.second} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr().String()+"/me", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-User", "ada")
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != want {
					t.Errorf("request %d: %d, want %d", i+1, res.StatusCode, want)
				}
			}
		})
	}
}

func newLimit() pipeline.Guard { return ratelimit.By(perUser, 0, 1) }
