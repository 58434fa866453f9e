package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

type Paging struct {
	Limit  *int   `query:"limit"`
	Offset uint16 `query:"offset"`
}

type Message struct {
	Text string `json:"text"`
	Size int    `json:"size,omitzero"`
}

// Validate is promoted to structs that embed Message.
func (m *Message) Validate() error {
	if m.Text == "bad" {
		return errors.New("text is bad")
	}
	return nil
}

type search struct {
	Paging
	Message

	Room  string         `path:"room"`
	Tags  []string       `query:"tag"`
	Nums  []int          `query:"n"`
	Exact bool           `query:"exact"`
	Ratio float64        `query:"ratio"`
	Wait  time.Duration  `query:"wait"`
	Since time.Time      `query:"since"`
	Addr  *netip.Addr    `query:"addr"`
	Lang  string         `header:"accept-language"`
	Hosts []string       `header:"X-Host"`
	More  map[string]int `json:"more,omitzero"`
	note  string         //nolint:unused // tests unexported fields
}

func (s *search) String() string {
	limit := "nil"
	if s.Limit != nil {
		limit = fmt.Sprint(*s.Limit)
	}
	return fmt.Sprintf("%s|%s %d|%s %d|%v %v|%v %v %v|%s|%v|%s %v|%v", s.Room, limit, s.Offset, s.Text, s.Size, s.Tags, s.Nums,
		s.Exact, s.Ratio, s.Wait, s.Since.Format(time.DateOnly), s.Addr, s.Lang, s.Hosts, s.More)
}

func show(_ context.Context, s search) (string, error) { return s.String(), nil }

func TestJSONInput(t *testing.T) {
	k := serve(t, func(r chi.Router) {
		r.Post("/rooms/{room}", web.JSON(show))
		r.Put("/strict/{room}", web.JSON(show, web.Strict()))
		r.Delete("/rooms/{room}", web.JSON(show))
		r.Post("/whole", web.JSON(func(_ context.Context, in []int) (int, error) { return len(in), nil }))
		r.Post("/pointer", web.JSON(func(_ context.Context, in *Message) (string, error) { return in.Text, nil }))
		r.Post("/nothing", web.JSON(func(context.Context, struct{}) (int, error) { return 1, nil }))
		web.Use(r, web.BodyLimit(9)).Post("/small", web.JSON(func(_ context.Context, in Message) (string, error) { return in.Text, nil }))
	})
	invalid := func(field, message string) string {
		return `{"statusCode":400,"message":"Bad payload: ` + field + ` ` + message + `","error":"Bad Request","code":"bad_payload","details":[{"field":"` +
			field + `","rule":"type","message":"` + message + `"}]}`
	}
	bad := func(what, field, rule, message string) string {
		return `{"statusCode":400,"message":"Bad body: ` + what + `","error":"Bad Request","code":"bad_payload","details":[{"field":"` +
			field + `","rule":"` + rule + `","message":"` + message + `"}]}`
	}
	const empty = "|nil 0| 0|[] []|false 0 0s|0001-01-01|<nil>| []|map[]"
	for _, tt := range []struct {
		target, body string
		status       int
		want         string
	}{
		{"/rooms/a", `{}`, 201, `"a` + empty + `"`},
		{"/rooms/a%2Fb%20c", `{}`, 201, `"a/b c` + empty + `"`},
		{"/rooms/a%20b", `{}`, 201, `"a b` + empty + `"`},
		{"/rooms/a%2520", `{}`, 201, `"a%20` + empty + `"`},
		{"/rooms/a?limit=0&offset=2&tag=x&tag=y&n=1&n=-2&exact=true&ratio=0.5&wait=1m&since=2026-01-02T00:00:00Z&addr=::1&other=1", `{"text":"t","size":3,"more":{"k":1}}`, 201,
			`"a|0 2|t 3|[x y] [1 -2]|true 0.5 1m0s|2026-01-02|::1| []|map[k:1]"`},
		// Fields with a tag are not read from the body.
		{"/rooms/a", `{"Room":"b","room":"b","Limit":7,"Paging":{"Limit":7},"Lang":"x","Exact":true,"Message":{"text":"x"}}`, 201, `"a` + empty + `"`},
		{"/rooms/a?limit=", `{}`, 400, invalid("limit", "must be a number")},
		{"/rooms/a?limit=x", `{}`, 400, invalid("limit", "must be a number")},
		{"/rooms/a?limit=1.5", `{}`, 400, invalid("limit", "must be a whole number")},
		{"/rooms/a?limit=1&limit=2", `{}`, 400, invalid("limit", "must not be repeated")},
		{"/rooms/a?offset=-1", `{}`, 400, invalid("offset", "must be a non-negative whole number")},
		{"/rooms/a?offset=65536", `{}`, 400, invalid("offset", "is out of range")},
		{"/rooms/a?n=1&n=99999999999999999999", `{}`, 400, invalid("n.1", "is out of range")},
		{"/rooms/a?exact=maybe", `{}`, 400, invalid("exact", "must be true or false")},
		{"/rooms/a?ratio=NaN", `{}`, 400, invalid("ratio", "must be a number")},
		{"/rooms/a?ratio=1e999", `{}`, 400, invalid("ratio", "is out of range")},
		{"/rooms/a?wait=5", `{}`, 400, invalid("wait", "must be a duration, such as 1h30m")},
		{"/rooms/a?since=today", `{}`, 400, invalid("since", "must be a time in RFC 3339")},
		{"/rooms/a?addr=x", `{}`, 400, invalid("addr", "must be an IP address")},
		{"/rooms/a?tag=%zz", `{}`, 400, `{"statusCode":400,"message":"Bad query: malformed","error":"Bad Request","code":"bad_payload","details":[{"field":"","rule":"syntax","message":"is malformed"}]}`},
		{"/rooms/a", `{"text":5}`, 400, bad("text must be a string, not a number", "text", "type", "must be a string")},
		{"/rooms/a", `{"more":{"a~1/b":"x"}}`, 400, bad("more.a~1/b must be a number, not a string", "more.a~1/b", "type", "must be a number")},
		{"/rooms/a", `[]`, 400, bad("the body must be an object, not an array", "", "type", "must be an object")},
		{"/rooms/a", `{"text":"a","text":"b"}`, 400, bad("text appears twice", "text", "duplicate", "appears twice")},
		{"/rooms/a", "{\"text\":\"\xff\"}", 400, bad("not valid JSON", "", "syntax", "is not valid JSON")},
		{"/rooms/a", `{} {}`, 400, bad("not valid JSON", "", "syntax", "is not valid JSON")},
		{"/rooms/a", `{"text":"bad"}`, 400, `{"statusCode":400,"message":"Bad payload: text is bad","error":"Bad Request","code":"bad_payload"}`},
		{"/rooms/a", ``, 415, `{"statusCode":415,"message":"The Content-Type must be application/json","error":"Unsupported Media Type"}`},
		{"PUT /strict/a", `{"text":"t"}`, 200, `"a|nil 0|t 0|[] []|false 0 0s|0001-01-01|<nil>| []|map[]"`},
		{"PUT /strict/a", `{"text":"t","extra":1}`, 400, bad("extra is unknown", "extra", "unknown", "is unknown")},
		{"PUT /strict/a", `{"Room":"b"}`, 400, bad("Room is unknown", "Room", "unknown", "is unknown")},
		{"DELETE /rooms/a", ``, 200, `"a` + empty + `"`},
		{"DELETE /rooms/a", `{"text":"t"}`, 200, `"a|nil 0|t 0|[] []|false 0 0s|0001-01-01|<nil>| []|map[]"`},
		{"/whole", `[1,2,3]`, 201, `3`},
		{"/pointer", `{"text":"t"}`, 201, `"t"`},
		{"/nothing", ``, 201, `1`},
		{"/small", `{ }`, 201, `""`},
		{"/small", `{"text":1}`, 413, `{"statusCode":413,"message":"The body is larger than 9 bytes","error":"Request Entity Too Large"}`},
	} {
		method, target, ok := strings.Cut(tt.target, " ")
		if !ok {
			method, target = "POST", method
		}
		if w := k.do(method, target, tt.body); w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("%s %s %s:\ngot  %d %s\nwant %d %s", method, target, tt.body, w.Code, w.Body, tt.status, tt.want)
		}
	}
	r := request("POST", "/rooms/a", `{}`)
	r.Header["Accept-Language"], r.Header["X-Host"] = []string{"de"}, []string{"a", "b"}
	k.want(k.send(r), 201, `"a|nil 0| 0|[] []|false 0 0s|0001-01-01|<nil>|de [a b]|map[]"`)
	if k.log.String() != "" {
		t.Errorf("errors of clients were logged: %s", k.log)
	}
}

type sorting struct {
	By string `query:"by"`
}

func TestJSONInputWithUnexportedFields(t *testing.T) {
	k := serve(t, func(r chi.Router) {
		r.Post("/", web.JSON(func(_ context.Context, in struct {
			sorting

			Text string `json:"text"`
			own  int
		}) (string, error) {
			in.own++
			return fmt.Sprint(in.By, in.Text, in.own), nil
		}))
	})
	k.want(k.do("POST", "/?by=name", `{"text":"t","By":"x","sorting":1,"own":5}`), 201, `"namet1"`)
}

func TestJSONOutput(t *testing.T) {
	type sent struct {
		ID   int    `path:"id"`
		Name string `json:"name"`
	}
	ok := func(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }
	k := serve(t, func(r chi.Router) {
		r.Get("/value", web.JSON(func(context.Context, struct{}) (map[string]int, error) { return map[string]int{"a": 1}, nil }))
		r.Post("/value", web.JSON(func(context.Context, struct{}) (bool, error) { return false, nil }))
		r.Get("/nil", web.JSON(func(context.Context, struct{}) ([]int, error) { return nil, nil }))
		r.Get("/pointer", web.JSON(func(context.Context, struct{}) (*int, error) { return nil, nil }))
		r.Post("/empty", web.JSON(ok))
		r.Post("/accepted", web.JSON(ok, web.Status(202)))
		r.Post("/status", web.JSON(func(context.Context, struct{}) (int, error) { return 7, nil }, web.Status(202)))
		r.Get("/hidden/{id}", web.JSON(func(_ context.Context, in struct {
			ID int `path:"id"`
		}) (sent, error) {
			return sent{in.ID, "n"}, nil
		}))
		r.Get("/bad", web.JSON(func(context.Context, struct{}) (any, error) { return make(chan int), nil }))
	})
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/value", 200, `{"a":1}`},
		{"HEAD", "/value", 200, ``},
		{"POST", "/value", 201, `false`},
		{"GET", "/nil", 200, `[]`},
		{"GET", "/pointer", 200, `null`},
		{"POST", "/empty", 204, ``},
		{"POST", "/accepted", 202, ``},
		{"POST", "/status", 202, `7`},
		{"GET", "/hidden/3", 200, `{"name":"n"}`},
		{"GET", "/bad", 500, serverError},
	} {
		w := k.do(tt.method, tt.path, "")
		k.want(w, tt.status, tt.body)
		if tt.body != "" && (w.Header().Get("Content-Type") != "application/json; charset=utf-8" || w.Header().Get("Content-Length") != fmt.Sprint(len(tt.body))) {
			t.Errorf("%s: header %v", tt.path, w.Header())
		}
	}
	if w := k.do("HEAD", "/value", ""); w.Header().Get("Content-Length") != "7" {
		t.Errorf("HEAD without Content-Length: %v", w.Header())
	}
	if n := strings.Count(k.log.String(), "level=ERROR"); n != 1 || !strings.Contains(k.log.String(), "web: encode the result chan int: ") {
		t.Errorf("log: %s", k.log)
	}
}

func TestJSONOnServeMux(t *testing.T) {
	h := web.JSON(func(_ context.Context, in struct {
		Room string `path:"room"`
		Text string `json:"text"`
	}) (string, error) {
		if in.Text == "" {
			return "", pipeline.ErrForbidden
		}
		return in.Room + in.Text, nil
	})
	m := http.NewServeMux()
	m.Handle("POST /{room}", h)
	for _, tt := range []struct {
		body   string
		status int
		want   string
	}{{`{"text":"t"}`, 201, `"at"`}, {`{}`, 403, forbidden}} {
		w := httptest.NewRecorder()
		m.ServeHTTP(w, request("POST", "/a", tt.body))
		if w.Code != tt.status || w.Body.String() != tt.want {
			t.Errorf("%s: %d %s", tt.body, w.Code, w.Body)
		}
	}
}

func TestJSONBehindOtherWriters(t *testing.T) {
	hello := web.JSON(func(context.Context, struct{}) (string, error) { return "hello", nil })
	denied := web.JSON(func(context.Context, struct{}) (string, error) { return "", pipeline.ErrForbidden })
	var seen []any
	k := serve(t, func(r chi.Router) {
		r.Method("GET", "/timeout", http.TimeoutHandler(hello, time.Minute, "late"))
		r.Method("GET", "/denied", http.TimeoutHandler(denied, time.Minute, "late"))
		r.Get("/through", func(w http.ResponseWriter, r *http.Request) { hello(w, r) })
		r.Get("/failed", func(w http.ResponseWriter, r *http.Request) {
			web.Handle(func(http.ResponseWriter, *http.Request) error { return pipeline.ErrForbidden })(w, r)
		})
	}, web.UseInterceptors(pipeline.InterceptorFunc(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
		v, err := next(ctx)
		seen = append(seen, v)
		return v, err
	})))
	k.want(k.do("GET", "/timeout", ""), 200, `"hello"`)
	k.want(k.do("GET", "/denied", ""), 403, forbidden)
	k.want(k.do("GET", "/through", ""), 200, `"hello"`)
	k.want(k.do("GET", "/failed", ""), 403, forbidden)
	if fmt.Sprint(seen) != "[<nil> <nil> hello <nil>]" {
		t.Errorf("results seen by interceptors: %v", seen)
	}
}

type clash struct {
	A string `path:"a"`
	B chan int
}

func TestJSONUnsupportedTypes(t *testing.T) {
	type none struct{}
	type unexported struct {
		a string `query:"a"` //nolint:unused // tests unexported fields
	}
	get := func(h http.HandlerFunc) func(chi.Router) { return func(r chi.Router) { r.Get("/{id}", h) } }
	post := func(h http.HandlerFunc) func(chi.Router) { return func(r chi.Router) { r.Post("/{id}", h) } }
	for _, tt := range []struct {
		routes func(chi.Router)
		want   string
	}{
		{get(acceptInput[struct {
			Room string `path:"room"`
		}]()), `has the tag path:"room", but /{id} has no {room}`},
		{get(acceptInput[struct{ Limit int }]()), `GET ignores the body, but struct { Limit int } decodes the field Limit from it: add a tag path, query or header, or json:"-"`},
		{get(acceptInput[[]int]()), `GET ignores the body, but []int decodes the whole value from it`},
		{get(acceptInput[struct {
			F func() `query:"f"`
		}]()), `the field F has type func(), which the tag query does not support`},
		{get(acceptInput[struct {
			IDs []string `path:"id"`
		}]()), `the field IDs has type []string, which the tag path does not support`},
		{get(acceptInput[struct {
			A string `query:"a" header:"a"`
		}]()), `the field A has the tags query and header: remove one`},
		{get(acceptInput[struct {
			A string `query:"a,required"`
		}]()), `the tag query:"a,required" must be a plain name`},
		{get(acceptInput[struct {
			A string `query:"a"`
			B string `query:"a"`
		}]()), `the fields A and B both have query:"a": remove one`},
		{get(acceptInput[unexported]()), `the field a has the tag query but is not exported: export it`},
		{post(acceptInput[clash]()), `the field B: a chan int has no JSON form`},
		{post(acceptInput[struct{ W time.Duration }]()), `a time.Duration has no JSON form: use int64 milliseconds, or a type with MarshalText and UnmarshalText`},
		{post(acceptInput[*search]()), `the tags path, query and header need a struct, not a pointer: remove the *`},
		{post(acceptInput[struct {
			search
			Extra int
		}]()), `the embedded struct search has both fields with the tags path, query or header and fields of the body: split it`},
		{post(web.JSON(func(context.Context, none) (func(), error) { return nil, nil })), `the result func(): a func() has no JSON form`},
		{post(web.JSON(func(context.Context, none) (int, error) { return 0, nil }, web.Status(404))), `Status(404): must be 200 to 299; return an error for others`},
		{post(web.JSON(func(context.Context, none) (int, error) { return 0, nil }, web.Status(204))), `Status(204) has no body, but the result is int; make it struct{}`},
		{post(web.JSON[none, none](nil)), `the function is nil`},
	} {
		got := bindProblems(t, web.BindConfig{}, newController(tt.routes))
		if !strings.Contains(got, tt.want) || !strings.Contains(got, "/{id}: JSON: ") {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	// A field is reported once, also of an embedded struct.
	type waits struct{ W time.Duration }
	type embeds struct{ waits }
	for _, h := range []http.HandlerFunc{acceptInput[waits](), acceptInput[embeds]()} {
		if got := bindProblems(t, web.BindConfig{}, newController(post(h))); strings.Count(got, "a time.Duration has no JSON form") != 1 {
			t.Errorf("got %s, want the field once", got)
		}
	}
	w := httptest.NewRecorder()
	acceptInput[clash]()(w, request("POST", "/", "{}"))
	if w.Code != 500 || w.Body.String() != serverError {
		t.Errorf("outside of a router: %d %s", w.Code, w.Body)
	}
}

func acceptInput[In any]() http.HandlerFunc {
	return web.JSON(func(context.Context, In) (struct{}, error) { return struct{}{}, nil })
}
