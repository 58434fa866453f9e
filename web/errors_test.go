package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

var errDisk = errors.New("the disk is full")

func failing(err error) http.HandlerFunc {
	return web.Handle(func(http.ResponseWriter, *http.Request) error { return err })
}

func TestErrorAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		status int
		body   string
		header string // X-A
		logged bool
	}{
		{"default", &web.Error{Message: "no"}, 400, `{"statusCode":400,"message":"no","error":"Bad Request"}`, "", false},
		{"wrapped", fmt.Errorf("save: %w", &web.Error{Message: "no", Status: 409, Err: errDisk}), 409, `{"statusCode":409,"message":"no","error":"Conflict"}`, "", false},
		{"code and details", &web.Error{Message: "no", Code: "c", Details: []int{1}}, 400, `{"statusCode":400,"message":"no","error":"Bad Request","code":"c","details":[1]}`, "", false},
		{"header", &web.Error{Message: "slow down", Status: 429, Header: http.Header{"X-A": {"1", "2"}}}, 429, `{"statusCode":429,"message":"slow down","error":"Too Many Requests"}`, "1,2", false},
		{"body", &web.Error{Message: "no", Status: 422, Body: map[string]string{"k": "v"}}, 422, `{"k":"v"}`, "", false},
		{"bad status", &web.Error{Message: "no", Status: 42}, 400, `{"statusCode":400,"message":"no","error":"Bad Request"}`, "", false},
		{"bad details", &web.Error{Message: "no", Details: make(chan int)}, 400, `{"statusCode":400,"message":"no","error":"Bad Request"}`, "", true},
		{"bad text", &web.Error{Message: "\xff"}, 400, `{"statusCode":400,"message":"` + "\uFFFD" + `","error":"Bad Request"}`, "", false},
		{"unknown", errDisk, 500, serverError, "", true},
		{"too large", fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 5}), 413, `{"statusCode":413,"message":"The body is larger than 5 bytes","error":"Request Entity Too Large"}`, "", false},
		{"invalid", pipeline.Invalid(pipeline.Violation{Field: "a", Rule: "required", Message: "is required"}), 400,
			`{"statusCode":400,"message":"Bad payload: a is required","error":"Bad Request","code":"bad_payload","details":[{"field":"a","rule":"required","message":"is required"}]}`, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := serve(t, func(r chi.Router) { r.Get("/", failing(tt.err)) })
			w := k.do("GET", "/", "")
			k.want(w, tt.status, tt.body)
			if got := strings.Join(w.Header()["X-A"], ","); got != tt.header || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("header %v", w.Header())
			}
			n := strings.Count(k.log.String(), "level=ERROR") + strings.Count(k.log.String(), "level=WARN")
			if tt.logged != (n == 1) || n > 1 {
				t.Errorf("log: %s", k.log)
			}
			if tt.logged && (!strings.Contains(k.log.String(), `pattern="GET /"`) || !strings.Contains(k.log.String(), "controller=web_test.")) {
				t.Errorf("log: %s", k.log)
			}
			k.want(k.do("HEAD", "/", ""), tt.status, "")
		})
	}
}

func TestProblemJSON(t *testing.T) {
	k := serve(t, func(r chi.Router) {
		r.Get("/", failing(&web.Error{Message: "no", Body: map[string]string{"title": "no"}, Header: http.Header{"Content-Type": {"application/problem+json"}}}))
	})
	if w := k.do("GET", "/", ""); strings.Join(w.Header()["Content-Type"], ",") != "application/problem+json" {
		t.Errorf("header %v", w.Header())
	}
}

func TestDenials(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		body   string
		logged bool
	}{
		{pipeline.ErrForbidden, 403, forbidden, false},
		{pipeline.ErrUnauthorized, 401, `{"statusCode":401,"message":"Unauthorized","error":"Unauthorized","code":"unauthorized"}`, false},
		{&web.Error{Message: "no"}, 403, `{"statusCode":403,"message":"no","error":"Forbidden"}`, false},
		{errDisk, 500, serverError, true},
	} {
		k := serve(t, func(r chi.Router) { r.Get("/", text("in")) },
			web.UseGuards(guard(func(context.Context, *pipeline.Call) error { return tt.err })),
			web.UseInterceptors(twice{})) // runs after the guards
		k.want(k.do("GET", "/", ""), tt.status, tt.body)
		if strings.Contains(k.log.String(), "level=ERROR") != tt.logged {
			t.Errorf("%v: log: %s", tt.err, k.log)
		}
	}
}

func TestFilters(t *testing.T) {
	filter := pipeline.FilterIs(errDisk, &web.Error{Message: "full", Status: 507})
	k := serve(t, func(r chi.Router) {
		r.Get("/handle", failing(errDisk))
		r.Get("/json", web.JSON(func(context.Context, struct{}) (int, error) { return 0, errDisk }))
		r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic(errDisk) })
		web.Use(r, web.UseFilters(pipeline.FilterIs(errDisk, &web.Error{Message: "mine"}))).Get("/own", failing(errDisk))
		web.Use(r, web.UseFilters(func(context.Context, *pipeline.Call, error) *pipeline.Error { panic("x") })).Get("/broken", failing(errDisk))
		web.Use(r, web.UseGuards(guard(func(context.Context, *pipeline.Call) error { return errDisk }))).Get("/guard", text(""))
	}, web.UseFilters(filter))
	const full = `{"statusCode":507,"message":"full","error":"Insufficient Storage"}`
	k.want(k.do("GET", "/handle", ""), 507, full)
	k.want(k.do("GET", "/json", ""), 507, full)
	k.want(k.do("GET", "/guard", ""), 507, full)
	k.want(k.do("GET", "/own", ""), 400, `{"statusCode":400,"message":"mine","error":"Bad Request"}`)
	if k.log.String() != "" {
		t.Errorf("an error handled by a filter was logged: %s", k.log)
	}
	k.want(k.do("GET", "/panic", ""), 500, serverError)
	k.want(k.do("GET", "/broken", ""), 500, serverError)
}

func TestPanics(t *testing.T) {
	boom := func(context.Context, *pipeline.Call) error { panic("boom") }
	k := serve(t, func(r chi.Router) {
		r.Get("/plain", func(http.ResponseWriter, *http.Request) { panic("boom") })
		r.Get("/json", web.JSON(func(context.Context, struct{}) (int, error) { panic(&web.Error{Message: "secret"}) }))
		r.Get("/encode", web.JSON(func(context.Context, struct{}) (explosive, error) { return explosive{}, nil }))
		web.Use(r, web.UseGuards(boom)).Get("/guard", text(""))
		r.Get("/late", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "started")
			panic("boom")
		})
		r.Get("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	})
	for _, path := range []string{"/plain", "/json", "/encode", "/guard"} {
		before := strings.Count(k.log.String(), "stack=")
		k.want(k.do("GET", path, ""), 500, serverError)
		if strings.Count(k.log.String(), "stack=") != before+1 {
			t.Errorf("%s: want one log line with a stack", path)
		}
	}
	k.want(k.do("GET", "/late", ""), 200, "started")
	defer func() {
		if v := recover(); v != any(http.ErrAbortHandler) {
			t.Errorf("recovered %v", v)
		}
	}()
	k.do("GET", "/abort", "")
	t.Error("ErrAbortHandler was recovered")
}

func TestPanicsInMiddleware(t *testing.T) {
	boom := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Abort") != "" {
				panic(http.ErrAbortHandler)
			}
			if r.Header.Get("X-Late") != "" {
				_, _ = io.WriteString(w, "started")
			}
			panic("boom")
		})
	}
	k := serve(t, func(r chi.Router) {
		r.With(boom).Get("/with", text("in"))
		r.Group(func(r chi.Router) { r.Use(boom); r.Get("/group", text("in")) })
		r.Route("/route", func(r chi.Router) { r.Use(boom); r.Get("/", text("in")) })
	})
	for i, path := range []string{"/with", "/group", "/route"} {
		k.want(k.do("GET", path, ""), 500, serverError)
		if strings.Count(k.log.String(), "panic in middleware") != i+1 {
			t.Errorf("%s: want one log line: %s", path, k.log)
		}
	}
	r := request("GET", "/with", "")
	r.Header.Set("X-Late", "1")
	k.want(k.send(r), 200, "started")
	defer func() {
		if v := recover(); v != any(http.ErrAbortHandler) {
			t.Errorf("recovered %v", v)
		}
	}()
	r.Header.Set("X-Abort", "1")
	k.send(r)
	t.Error("ErrAbortHandler was recovered")
}

type explosive struct{}

func (explosive) MarshalJSON() ([]byte, error) { panic("boom") }

func TestErrorAfterResponseHasStarted(t *testing.T) {
	k := serve(t, func(r chi.Router) {
		r.Get("/", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "started")
			return pipeline.ErrForbidden
		}))
	})
	k.want(k.do("GET", "/", ""), 200, "started")
	if !strings.Contains(k.log.String(), "an error was not sent: the handler has already sent a response") {
		t.Errorf("log: %s", k.log)
	}
}

func TestErrorRemovesHeadersOfOtherResponse(t *testing.T) {
	k := serve(t, func(r chi.Router) {
		r.Get("/", web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "text/csv")
			w.Header().Set("Content-Disposition", "attachment")
			w.Header().Set("ETag", "x")
			w.Header().Set("X-Request-ID", "1")
			return &web.Error{Message: "no"}
		}))
	})
	h := k.do("GET", "/", "").Header()
	if h.Get("Content-Type") != "application/json; charset=utf-8" || h.Get("Content-Disposition")+h.Get("ETag") != "" || h.Get("X-Request-ID") != "1" {
		t.Errorf("header %v", h)
	}
}

func TestClientHasDisconnected(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	k := serve(t, func(r chi.Router) {
		r.Get("/", web.JSON(func(ctx context.Context, _ struct{}) (int, error) {
			cancel()
			<-ctx.Done()
			return 0, ctx.Err()
		}))
		r.Get("/own", web.JSON(func(context.Context, struct{}) (int, error) { return 0, context.Canceled }))
	})
	k.send(request("GET", "/", "").WithContext(ctx))
	if strings.Contains(k.log.String(), "level=ERROR") || !strings.Contains(k.log.String(), "request canceled: the client has disconnected") {
		t.Errorf("log: %s", k.log)
	}
	k.want(k.do("GET", "/own", ""), 500, serverError) // the client is still connected
}

func TestFailAndWrite(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		body   string
	}{
		{errDisk, 500, serverError},
		{fmt.Errorf("save: %w", &web.Error{Status: 409, Message: "Taken", Err: errDisk}), 409, `{"statusCode":409,"message":"Taken","error":"Conflict"}`},
		{&web.Error{Message: "no status"}, 400, `{"statusCode":400,"message":"no status","error":"Bad Request"}`},
		{&http.MaxBytesError{Limit: 1}, 413, `{"statusCode":413,"message":"The body is larger than 1 bytes","error":"Request Entity Too Large"}`},
	} {
		w := httptest.NewRecorder()
		web.Fail(w, tt.err)
		if w.Code != tt.status || w.Body.String() != tt.body {
			t.Errorf("%v: %d %s", tt.err, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	if err := web.WriteJSON(w, 200, make(chan int)); err == nil || w.Code != 500 || w.Body.String() != serverError {
		t.Errorf("got %v, %d %s", err, w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	if err := web.WriteJSON(w, 202, []int{1}); err != nil || w.Code != 202 || w.Body.String() != "[1]" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %v, %d %s", err, w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	web.WriteError(w, 404, "gone")
	if w.Code != 404 || w.Body.String() != `{"statusCode":404,"message":"gone","error":"Not Found"}` {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestReadJSON(t *testing.T) {
	const js = "application/json"
	for _, tt := range []struct {
		contentType, body string
		status            int
		answer            string
	}{
		{js, `{"text":"b","size":2}`, 201, `{"text":"b","size":2}`},
		{"application/vnd.note+json; charset=utf-8", `{}`, 201, `{"text":""}`},
		{"", `{}`, 415, `The Content-Type must be application/json`},
		{"text/plain", `{}`, 415, `The Content-Type must be application/json`},
		{js, ``, 400, `Bad body: not valid JSON`},
		{js, `{"size":"x"}`, 400, `Bad body: size must be a number, not a string`},
		{js, `[]`, 400, `Bad body: the body must be an object, not an array`},
		{js, `{"text":"` + strings.Repeat("x", 40) + `"}`, 413, `The body is larger than 40 bytes`},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.contentType)
		w := httptest.NewRecorder()
		if in, err := web.ReadJSON[Message](w, r, 40); err != nil {
			web.Fail(w, err)
		} else {
			_ = web.WriteJSON(w, 201, in)
		}
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.answer) {
			t.Errorf("%s %s: %d %s", tt.contentType, tt.body, w.Code, w.Body)
		}
	}
}
