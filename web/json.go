package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// JSONOption configures a [JSON] handler.
type JSONOption interface{ applyJSON(*jsonHandler) }

type jsonOption func(*jsonHandler)

func (f jsonOption) applyJSON(t *jsonHandler) { f(t) }

// Status sets the status of successful responses, 200 to 299. Default: 201 for POST, otherwise
// 200; 204 without a result.
func Status(code int) JSONOption {
	return jsonOption(func(t *jsonHandler) {
		t.status = code
		if code < 200 || code > 299 {
			t.problemf("Status(%d): must be 200 to 299; return an error for others", code)
		}
	})
}

// Strict rejects bodies with names that In does not have, and with half a surrogate pair in a
// string ("\ud83d"). Default: such names are ignored, and such halves are read as U+FFFD.
func Strict() JSONOption { return jsonOption(func(t *jsonHandler) { t.strict = true }) }

// JSON returns a handler that decodes the request into In, calls h, and encodes its result.
//
//	type Search struct {
//		Room  string   `path:"room"`      // in the pattern /rooms/{room}/search
//		Limit *int     `query:"limit"`    // nil if it is missing
//		Tags  []string `query:"tag"`      // ?tag=a&tag=b
//		Lang  string   `header:"Accept-Language"`
//		Text  string   `json:"text"`      // in the JSON body
//	}
//
//	r.Post("/rooms/{room}/search", web.JSON(c.search))
//
//	func (c *Controller) search(ctx context.Context, in Search) ([]Message, error)
//
// Fields with the tags path, query and header support strings, bools, numbers, [time.Duration]
// ("1h30m") and each [encoding.TextUnmarshaler], such as [time.Time]; query and header also
// slices of these; use a pointer for an optional parameter. They are never read from the body
// or part of a response. An invalid value is answered with 400 and a [pipeline.Violation].
// Unknown query parameters are ignored.
//
// The other fields are decoded from the body like in [ReadJSON], within [BodyLimit]. A body is
// required for POST, PUT and PATCH, ignored for GET and HEAD, and optional for other methods.
// An In that is not a struct is decoded from the whole body; struct{} ignores the body.
//
// Then the pipes run with a pointer to In, its method Validate() error is called if it has
// one, and h is called. Out is sent as JSON. If Out is struct{}, or an interceptor returns nil,
// the response is 204 without body; see [Status].
//
// A type that is not supported is a start error. Outside of the router of Routes, for example
// in a unit test, such a type is logged to slog.Default and answered with 500, and the handler
// answers errors itself.
//
// If a wrapper has its own ResponseWriter, such as [http.TimeoutHandler], the handler writes
// the response to it, and interceptors receive no result.
func JSON[In, Out any](h func(context.Context, In) (Out, error), opts ...JSONOption) http.HandlerFunc {
	t := newJSONHandler(reflect.TypeFor[In](), reflect.TypeFor[Out](), opts)
	t.fn = identity.FuncName(h)
	if h == nil {
		t.problemf("the function is nil")
		return t.serve
	}
	validate := pipe.Validator[In]()
	t.call = func(ctx context.Context, x *exchange, w http.ResponseWriter, r *http.Request) (any, error) {
		var in In
		if t.plan != nil {
			if err := t.plan.read(reflect.ValueOf(&in).Elem(), x, w, r, t.strict); err != nil {
				return nil, err
			}
			if err := x.ep.chain.Transform(ctx, &x.call, &in); err != nil {
				return nil, err
			}
			if validate != nil {
				if err := validate(&in); err != nil {
					return nil, err
				}
			}
		}
		out, err := h(ctx, in)
		if err != nil || t.empty {
			return nil, err
		}
		return out, nil
	}
	return t.serve
}

// jsonHandler is a handler of JSON without its type parameters.
type jsonHandler struct {
	problems   []string
	forms      []string   // what JSON cannot hold; encoding/json may
	plan       *inputPlan // nil if In is struct{}
	in, out    reflect.Type
	sent       reflect.Type // out without parameter fields; nil if it has none
	empty      bool         // out is struct{}
	status     int          // 0: depends on the method
	strict     bool
	errors     []*Error
	fn         string // the name of the function
	standalone *endpoint
	call       func(context.Context, *exchange, http.ResponseWriter, *http.Request) (any, error)
}

func newJSONHandler(in, out reflect.Type, opts []JSONOption) *jsonHandler {
	t := &jsonHandler{in: in, out: out, empty: isEmpty(out)}
	for _, o := range opts {
		if o != nil {
			o.applyJSON(t)
		}
	}
	if !isEmpty(in) {
		var problems []string
		t.plan, problems = newInputPlan(in)
		t.problems = append(t.problems, problems...)
		t.forms = append(t.forms, t.plan.forms...)
	}
	if _, err := codec.EncoderOf(out); err != nil {
		t.forms = append(t.forms, fmt.Sprintf("the result %v: %v", out, err))
	}
	if t.status == http.StatusNoContent && !t.empty {
		t.problemf("Status(204) has no body, but the result is %v; make it struct{}", out)
	}
	if p, _ := newInputPlan(out); p != nil && len(p.params) > 0 {
		t.sent = p.bodyType
	}
	e := newEndpoint(pipe.Scope{}, pipe.Scope{}, pipe.Scope{})
	e.jsonHandler, e.limit = t, defaultBodyLimit
	t.standalone = e
	return t
}

func isEmpty(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() == 0 && t.NumMethod() == 0
}

func (t *jsonHandler) problemf(format string, args ...any) {
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

// serve is the http.HandlerFunc, for handlers that an endpoint does not call directly.
func (t *jsonHandler) serve(w http.ResponseWriter, r *http.Request) {
	if p, ok := w.(*identifyWriter); ok {
		p.handler, p.fn = t, t.fn
		return
	}
	x := exchangeFrom(r.Context())
	if x == nil {
		e := *t.standalone
		e.log = slog.Default() // the current one
		e.ServeHTTP(w, r)
		return
	}
	v, err := t.run(r.Context(), x, w, r)
	if x.writesTo(w) {
		x.hasResult, x.result, x.err, x.status, x.emptyStatus = true, v, err, t.statusFor(r.Method), t.status
		return
	}
	own := &exchange{ep: x.ep, r: r, ctx: r.Context(), call: x.call, tracker: tracker{ResponseWriter: w}}
	own.called, own.hasResult, own.status, own.emptyStatus = true, true, t.statusFor(r.Method), t.status
	var b []byte
	if err == nil && v != nil {
		b, err = t.encode(v, x.ep.v1)
	}
	_ = own.respond(b, err)
}

func (t *jsonHandler) run(ctx context.Context, x *exchange, w http.ResponseWriter, r *http.Request) (any, error) {
	if problems := t.wrong(x.ep.v1); len(problems) > 0 {
		return nil, errors.New("web: JSON: " + strings.Join(problems, "; "))
	}
	return t.call(ctx, x, w, r)
}

// wrong returns the problems of the types.
func (t *jsonHandler) wrong(v1 bool) []string {
	if v1 {
		return slices.Clip(t.problems)
	}
	return slices.Concat(t.forms, t.problems)
}

func (t *jsonHandler) statusFor(method string) int {
	switch {
	case t.status != 0:
		return t.status
	case method == http.MethodPost:
		return http.StatusCreated
	default:
		return http.StatusOK
	}
}

func (t *jsonHandler) encode(v any, v1 bool) ([]byte, error) {
	if t.sent != nil && reflect.TypeOf(v) == t.out {
		p := reflect.New(t.out)
		p.Elem().Set(reflect.ValueOf(v))
		v = reflect.NewAt(t.sent, p.UnsafePointer()).Interface()
	}
	if v1 {
		return codec.V1{}.Append(nil, v)
	}
	return codec.Append(nil, v)
}

// check returns the problems of the handler on a route.
func (t *jsonHandler) check(method, pattern string, v1 bool) []string {
	problems := t.wrong(v1)
	if t.plan == nil {
		return problems
	}
	if (method == http.MethodGet || method == http.MethodHead) && t.plan.body {
		problems = append(problems, fmt.Sprintf(
			"%s ignores the body, but %v decodes %s from it: add a tag path, query or header, or json:\"-\"", method, t.in, t.plan.bodyName))
	}
	for _, p := range t.plan.params {
		if p.source == fromPath && !hasParameter(pattern, p.name) {
			problems = append(problems, fmt.Sprintf(
				"%v has the tag path:%q, but %s has no {%s}: correct the tag or the pattern", t.in, p.name, pattern, p.name))
		}
	}
	return problems
}

func hasParameter(pattern, name string) bool {
	if name == "*" {
		return strings.HasSuffix(pattern, "*")
	}
	return strings.Contains(pattern, "{"+name+"}") || strings.Contains(pattern, "{"+name+":")
}

// identifyWriter is passed to handlers of this package, which identify themselves to it.
type identifyWriter struct {
	http.ResponseWriter

	handler *jsonHandler
	fn      string // the name of the user's function
}

// identify returns the jsonHandler if h is a handler of JSON, and the name of the user's
// function; "" if h is no function. It calls h only if h has the code of a serve method of
// this package.
func identify(h http.Handler) (t *jsonHandler, fn string) {
	f, ok := h.(http.HandlerFunc)
	if !ok {
		return nil, ""
	}
	if !identity.SameCode(f, (&jsonHandler{}).serve) && !identity.SameCode(f, (&errorHandler{}).serve) {
		return nil, identity.FuncName(f)
	}
	var p identifyWriter
	f(&p, nil)
	return p.handler, p.fn
}
