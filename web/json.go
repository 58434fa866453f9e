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

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// JSONOption configures a [JSON] handler.
type JSONOption interface{ applyJSON(*typed) }

type jsonOption func(*typed)

func (f jsonOption) applyJSON(t *typed) { f(t) }

// Status is the status of answers with a result, 200 to 299. Default: 201 to POST,
// otherwise 200; 204 where there is no result.
func Status(code int) JSONOption {
	return jsonOption(func(t *typed) {
		t.status = code
		if code < 200 || code > 299 {
			t.problemf("Status(%d): must be 200 to 299; return an error for others", code)
		}
	})
}

// Strict refuses bodies with names that In does not have. Default: they are ignored.
func Strict() JSONOption { return jsonOption(func(t *typed) { t.strict = true }) }

// JSON makes a handler of a function of Go values.
//
//	type Search struct {
//		Room  string   `path:"room"`      // of the pattern /rooms/{room}/search
//		Limit *int     `query:"limit"`    // nil when it is not given
//		Tags  []string `query:"tag"`      // ?tag=a&tag=b
//		Lang  string   `header:"Accept-Language"`
//		Text  string   `json:"text"`      // of the JSON body
//	}
//
//	r.Post("/rooms/{room}/search", web.JSON(c.search))
//
//	func (c *Controller) search(ctx context.Context, in Search) ([]Message, error)
//
// Fields with one of the tags take strings, bools, numbers, [time.Duration] ("1h30m") and
// whatever is an [encoding.TextUnmarshaler], such as [time.Time]; query and header also
// slices of these; pointers are for what may be left out. They are never taken from the
// body, nor part of an answer. A value of the wrong form is answered with 400 and
// a [pipeline.Violation]. Unknown query parameters are ignored.
//
// The other fields are the body, as [ReadJSON] reads it, within [BodyLimit]. It is needed
// on POST, PUT and PATCH, never read on GET and HEAD, and read on other methods
// when there is one. An In that is no struct is the whole body, struct{} reads nothing.
//
// Then the pipes see a pointer to In, its method Validate() error is asked if it has
// one, and h is called. Out is answered as JSON, with 204 and no body if it is struct{}
// or an interceptor made it nil; see [Status].
//
// A type that cannot work is an error of the start. Where the handler is not registered
// with the router that Routes is given, it is logged and answered with 500. There, in a
// unit test or on any other router, the handler answers by itself, and logs to slog.Default.
//
// A handler around it with a ResponseWriter of its own, such as [http.TimeoutHandler],
// gets the answer; interceptors then see no result.
func JSON[In, Out any](h func(context.Context, In) (Out, error), opts ...JSONOption) http.HandlerFunc {
	t := newTyped(reflect.TypeFor[In](), reflect.TypeFor[Out](), opts)
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

// typed is a handler of JSON without its types.
type typed struct {
	problems []string
	plan     *plan // nil: In is struct{}
	in, out  reflect.Type
	sent     reflect.Type // out without what is not sent; nil when that is nothing
	empty    bool         // out is struct{}
	status   int          // 0: by method
	strict   bool
	alone    *endpoint
	call     func(context.Context, *exchange, http.ResponseWriter, *http.Request) (any, error)
}

func newTyped(in, out reflect.Type, opts []JSONOption) *typed {
	t := &typed{in: in, out: out, empty: isEmpty(out)}
	for _, o := range opts {
		if o != nil {
			o.applyJSON(t)
		}
	}
	if !isEmpty(in) {
		var problems []string
		t.plan, problems = planOf(in)
		t.problems = append(t.problems, problems...)
	}
	if p := unfit(out, true); p != "" {
		t.problemf("the result %v: %s", out, p)
	}
	if t.status == http.StatusNoContent && !t.empty {
		t.problemf("Status(204) has no body, but the result is %v; make it struct{}", out)
	}
	if p, _ := planOf(out); p != nil && len(p.params) > 0 {
		t.sent = p.shadow
	}
	e := newEndpoint(pipe.Scope{}, pipe.Scope{}, pipe.Scope{})
	e.typed, e.limit = t, defaultBodyLimit
	t.alone = e
	return t
}

func isEmpty(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() == 0 && t.NumMethod() == 0
}

func (t *typed) problemf(format string, args ...any) {
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

// serve is the handler where no endpoint calls it directly.
func (t *typed) serve(w http.ResponseWriter, r *http.Request) {
	if p, ok := w.(*probe); ok {
		p.typed = t
		return
	}
	x := exchangeFrom(r.Context())
	if x == nil {
		e := *t.alone
		e.log = slog.Default() // as it is now
		e.ServeHTTP(w, r)
		return
	}
	v, err := t.run(r.Context(), x, w, r)
	if x.reaches(w) {
		x.left, x.result, x.err, x.status, x.empty = true, v, err, t.statusFor(r.Method), t.status
		return
	}
	own := &exchange{ep: x.ep, r: r, ctx: r.Context(), call: x.call, tracker: tracker{ResponseWriter: w}}
	own.reached, own.left, own.status, own.empty = true, true, t.statusFor(r.Method), t.status
	var b []byte
	if err == nil && v != nil {
		b, err = t.encode(v)
	}
	own.finish(b, err)
}

func (t *typed) run(ctx context.Context, x *exchange, w http.ResponseWriter, r *http.Request) (any, error) {
	if len(t.problems) > 0 {
		return nil, errors.New("web: JSON: " + strings.Join(t.problems, "; "))
	}
	return t.call(ctx, x, w, r)
}

func (t *typed) statusFor(method string) int {
	switch {
	case t.status != 0:
		return t.status
	case method == http.MethodPost:
		return http.StatusCreated
	default:
		return http.StatusOK
	}
}

func (t *typed) encode(v any) ([]byte, error) {
	if t.sent == nil || reflect.TypeOf(v) != t.out {
		return json.Marshal(v)
	}
	p := reflect.New(t.out)
	p.Elem().Set(reflect.ValueOf(v))
	return json.Marshal(reflect.NewAt(t.sent, p.UnsafePointer()).Interface())
}

// check finds what cannot work on a route.
func (t *typed) check(method, pattern string) []string {
	problems := slices.Clip(t.problems)
	if t.plan == nil {
		return problems
	}
	if (method == http.MethodGet || method == http.MethodHead) && t.plan.body {
		problems = append(problems, fmt.Sprintf(
			"%s reads no body, but %v has %s for it; give it a tag path, query or header, or json:\"-\"", method, t.in, t.plan.bodyName))
	}
	for _, p := range t.plan.params {
		if p.source == fromPath && !hasParameter(pattern, p.name) {
			problems = append(problems, fmt.Sprintf(
				"%v has the tag path:%q, but %s has no {%s}", t.in, p.name, pattern, p.name))
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

// probe asks a handler of JSON for what it is.
type probe struct {
	http.ResponseWriter

	typed *typed
}

// typedOf finds out whether a handler is that of JSON; nothing else is called.
func typedOf(h http.Handler) *typed {
	f, ok := h.(http.HandlerFunc)
	if !ok || !identity.SameCode(f, (&typed{}).serve) {
		return nil
	}
	var p probe
	f(&p, nil)
	return p.typed
}
