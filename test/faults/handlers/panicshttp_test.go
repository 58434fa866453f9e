package handlers_test

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// routeGuard is sentry for routes: the request's header names the place.
type routeGuard struct{}

func (routeGuard) Check(_ context.Context, c *pipeline.Call) error {
	crashAt("guard", asked(c.Request))
	if asked(c.Request) == "interceptor of denials" {
		return pipeline.ErrForbidden
	}
	return nil
}

func (routeGuard) Intercept(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
	crashAt("interceptor, before", asked(c.Request))
	v, err := next(ctx)
	crashAt("interceptor, after", asked(c.Request))
	return v, err
}

func (routeGuard) InterceptDenial(_ context.Context, c *pipeline.Call, _ error) error {
	crashAt("interceptor of denials", asked(c.Request))
	return nil
}

func (routeGuard) Transform(_ context.Context, c *pipeline.Call, _ any) error {
	crashAt("pipe", asked(c.Request))
	return nil
}

func (routeGuard) Catch(_ context.Context, c *pipeline.Call, _ error) *pipeline.Error {
	crashAt("filter", asked(c.Request))
	return nil
}

// number panics when it is read from a path.
type number string

func (n *number) UnmarshalText(b []byte) error {
	crashAt("crash", string(b))
	*n = number(b)
	return nil
}

// shop is a controller that panics.
type shop struct{}

type order struct {
	ID   number `path:"id"`
	Asks string `header:"X-Crash"`
	Note note   `json:"note"`
}

func (o *order) Validate() error { return o.Note.Validate() }

func (s *shop) Routes(r chi.Router) {
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			crashAt("middleware, before", asked(r))
			next.ServeHTTP(w, r)
			crashAt("middleware, after", asked(r))
		})
	})
	r.Post("/json/{id}", web.JSON(s.json))
	r.Get("/handle", web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		crashAt("handler", asked(r))
		return s.fail(asked(r))
	}))
	r.Get("/plain", func(w http.ResponseWriter, r *http.Request) {
		crashAt("handler", asked(r))
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, strings.Repeat("started ", 1000))
		crashAt("handler, after it has started", asked(r))
	})
	web.Static(r, "/files", files{})
}

// stall is a controller without middleware, which would recover by itself.
type stall struct{ shop *shop }

func (s *stall) Routes(r chi.Router) {
	r.Get("/stall", web.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		crashAt("handler", asked(r))
		return s.shop.fail(asked(r))
	}))
}

func (s *shop) fail(asked string) error {
	switch {
	case asked == "filter":
		return &web.Error{Message: "public", Status: http.StatusTeapot}
	case asked == "Details of a public error":
		return &web.Error{Message: "public", Status: http.StatusTeapot, Details: bomb{}}
	case asked == "no error at all":
		return (*web.Error)(nil)
	case strings.HasPrefix(asked, "status "):
		status, _ := strconv.Atoi(strings.TrimPrefix(asked, "status "))
		return &web.Error{Message: "public", Status: status}
	case strings.HasSuffix(asked, " of an error"):
		return grenade{asked}
	}
	return nil
}

func (s *shop) json(_ context.Context, in order) (any, error) {
	crashAt("handler", in.Asks)
	if in.Asks == "result" {
		return bomb{}, nil
	}
	return "fine", s.fail(in.Asks)
}

// files is a file system that panics.
type files struct{}

func (files) Open(string) (fs.File, error) { crash(); return nil, fs.ErrNotExist }

// TestFault_F62_PanicsOverHTTP: Every function of a route panics, one after another: the answer is 500 without the
// panic's text, unless the handler has already started another answer; the panic is logged, and the next request is
// served.
func TestFault_F62_PanicsOverHTTP(t *testing.T) {
	log, u := &testkit.Log{}, routeGuard{}
	a := apptest.New(t, module.New("shop", module.Controllers(web.Controller(func() *shop { return &shop{} },
		web.UseGuards(u), web.UseInterceptors(u), web.UsePipes(u), web.UseFilters(u)),
		func() *stall { return &stall{&shop{}} })), apptest.With(logTo(log), app.LogLines(-1)))
	const failed, public = http.StatusInternalServerError, http.StatusTeapot
	for _, row := range []struct {
		request, place string
		status         int
	}{
		{"POST /json/1", "middleware, before", failed},
		{"POST /json/1", "middleware, after", http.StatusCreated}, // the answer is already sent
		{"POST /json/1", "guard", failed},
		{"POST /json/1", "interceptor of denials", failed},
		{"POST /json/1", "interceptor, before", failed},
		{"POST /json/1", "interceptor, after", failed},
		{"POST /json/crash", "UnmarshalText", failed},
		{"POST /json/1", "UnmarshalJSON", failed},
		{"POST /json/1", "pipe", failed},
		{"POST /json/1", "Validate", failed},
		{"POST /json/1", "handler", failed},
		{"GET /handle", "handler", failed},
		{"GET /plain", "handler", failed},
		{"POST /json/1", "result", failed},
		{"POST /json/1", "filter", public},
		{"GET /handle", "filter", public},
		{"POST /json/1", "Details of a public error", public},
		{"POST /json/1", "Error of an error", failed},
		{"POST /json/1", "Is of an error", failed},
		{"POST /json/1", "As of an error", failed},
		{"POST /json/1", "Unwrap of an error", failed},
		{"GET /handle", "Unwrap of an error", failed},
		{"GET /stall", "handler", failed},
		{"GET /stall", "no error at all", failed},
		{"GET /stall", "Is of an error", failed},
		{"GET /stall", "As of an error", failed},
		{"GET /stall", "Unwrap of an error", failed},
		{"GET /files/a.txt", "file system", failed},
	} {
		t.Run(row.request+", "+row.place, func(t *testing.T) {
			method, path, _ := strings.Cut(row.request, " ")
			before := len(log.Lines("level=ERROR"))
			status, body, err := ask(t, method, a.URL()+path, row.place)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			if status != row.status {
				t.Errorf("status %d, want %d: %s", status, row.status, body)
			}
			want := `{"statusCode":500,"message":"Internal server error","error":"Internal Server Error"}`
			if status == failed && strings.TrimSpace(body) != want {
				t.Errorf("the answer is %s, want %s", body, want)
			}
			if n := len(log.Lines("level=ERROR")); n == before {
				t.Error("nothing is in the log")
			}
			if status, _, err := ask(t, "POST", a.URL()+"/json/1", ""); err != nil || status != http.StatusCreated {
				t.Errorf("the next request: %d, %v", status, err)
			}
		})
	}
	for _, place := range []string{"-5", "99", "101", "204", "200", "600", "1000"} {
		t.Run("an error with the status "+place, func(t *testing.T) {
			status, body, err := ask(t, "GET", a.URL()+"/stall", "status "+place)
			if err != nil || status != http.StatusBadRequest || !strings.Contains(body, "public") {
				t.Errorf("got %d %s, %v, want 400: it is not an error status", status, body, err)
			}
		})
	}
	t.Run("after it has started", func(t *testing.T) {
		status, body, err := ask(t, "GET", a.URL()+"/plain", "handler, after it has started")
		if status != http.StatusAccepted || strings.Contains(body, "rror") {
			t.Errorf("got %d %.60q, %v, want what the handler had written", status, body, err)
		}
		if len(log.Lines("level=ERROR", "panic", "GET /plain")) == 0 {
			t.Error("nothing is in the log")
		}
	})
}

// ask sends a request on a new connection.
func ask(t *testing.T, method, url, place string) (status int, body string, err error) {
	t.Helper()
	b, err := json.Marshal(map[string]any{"note": map[string]string{"say": place}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Crash", place)
	return do(req)
}

// do sends a request on a new connection.
func do(req *http.Request) (status int, body string, err error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	return res.StatusCode, string(all), err
}
