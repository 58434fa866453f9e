package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// endpoint is a handler with its pipeline. All requests pass the pipeline here.
type endpoint struct {
	method, path string // method is "" for any
	pattern      string // method and path; "" for any method
	name         string
	chain        *pipe.Chain
	log          *slog.Logger
	limit        int64
	limited      bool // an option sets the limit, so it applies to all handlers
	handler      http.Handler
	v1           bool         // JSONV1
	routed       bool         // the handler is a chi router
	jsonHandler  *jsonHandler // not nil if the handler is one of JSON
	broken       error        // the answer to every request, if not nil
}

func newEndpoint(global, owner, route pipe.Scope) *endpoint {
	return &endpoint{chain: pipe.Link(global, owner, route)}
}

// ServeHTTP implements [http.Handler].
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	decodePath(r)
	start := e.chain.Begin()
	x := &exchange{ep: e, r: r, tracker: tracker{ResponseWriter: w}}
	x.call = pipeline.Call{
		Kind: pipeline.KindHTTP, Pattern: e.patternOf(r), Name: e.name, Request: r,
		Handler: e.chain.Handler, Owner: e.chain.Owner, Store: &x.values,
	}
	x.ctx = r.Context()
	if outer := exchangeFrom(x.ctx); outer != nil {
		x.outer, x.call.Store = outer, outer.call.Store
	} else if h := pipeline.HolderFrom(x.ctx); h != nil {
		x.call.Store = h.Values()
	}
	x.ctx = pipeline.WithHolder(x.ctx, &x.call)
	body, err := x.run()
	err = probeError(err)
	client := x.respond(body, err)
	if e.chain.WantsOutcome() {
		e.chain.Report(x.ctx, &x.call, start, pipeline.Outcome{Err: err, Client: client, Status: x.sent, Denied: x.denied}, e.log)
	}
}

// probeError calls the methods of the error that are called later, outside of recover. It
// returns the error, or a [recovered.PanicError] if one of them panics.
func probeError(err error) (out error) {
	if err == nil {
		return nil
	}
	defer recovered.Into(&out)
	_ = errors.Is(err, context.Canceled)
	_ = clientError(err)
	return err
}

// patternOf returns the pattern, such as "GET /rooms/{room}". HEAD on a GET route has the
// pattern of the route.
func (e *endpoint) patternOf(r *http.Request) string {
	switch {
	case e.pattern != "":
		return e.pattern
	case e.path != "":
		return r.Method + " " + e.path
	case strings.Contains(r.Pattern, " "):
		return r.Pattern
	case r.Pattern != "":
		return r.Method + " " + r.Pattern
	default:
		return r.Method + " " + r.URL.Path
	}
}

// exchange is the state of one request in an endpoint.
type exchange struct {
	tracker

	ep     *endpoint
	r      *http.Request
	ctx    context.Context
	outer  *exchange // of the enclosing router
	call   pipeline.Call
	values pipeline.Values
	flow   pipe.Run

	denied      bool
	called      bool // the handler was called
	hasResult   bool // the handler has stored its result in result and err
	result      any
	err         error
	status      int // of a response with result; 0 means 200
	emptyStatus int // of a response without result; 0 means 204
	in          body

	routing, origin *chi.Context // for a routed handler: its chi context, and a copy
}

type exchangeKey struct{}

func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// run runs guards, interceptors and the handler, and encodes the result; body is nil if there
// is no result.
func (x *exchange) run() (body []byte, err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == any(http.ErrAbortHandler) {
			panic(v) //nolint:forbidigo // net/http's own way to abort a request
		}
		body, err = nil, recovered.New(v)
	}()
	if x.ep.broken != nil {
		return nil, x.ep.broken
	}
	if err := x.ep.chain.Check(x.ctx, &x.call); err != nil {
		x.denied = true
		return nil, err
	}
	v, err := x.flow.Do(x.ctx, x.ep.chain, &x.call, x)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, nil
	}
	return x.encode(v)
}

func (x *exchange) encode(v any) ([]byte, error) {
	t := x.ep.jsonHandler
	if t == nil {
		t = &jsonHandler{}
	}
	b, err := t.encode(v, x.ep.v1)
	if err != nil {
		return nil, fmt.Errorf("web: encode the result %T: %w", v, err)
	}
	return b, nil
}

// Handle implements [pipe.Handler]: it calls the handler.
func (x *exchange) Handle(ctx context.Context) (any, error) {
	if t := x.ep.jsonHandler; t != nil {
		x.called, x.hasResult, x.emptyStatus = true, true, t.status
		return t.run(ctx, x, x.ResponseWriter, x.r)
	}
	x.restoreRouting()
	x.called, x.hasResult, x.result, x.err = true, false, nil, nil
	r := x.r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	if x.ep.limited && r.Body != nil {
		r.Body = http.MaxBytesReader(x.ResponseWriter, r.Body, x.ep.limit)
	}
	x.ep.handler.ServeHTTP(x.writer(), r)
	return x.result, x.err
}

// restoreRouting resets the chi context, so that an interceptor can call a routed handler
// several times: chi changes it while routing.
func (x *exchange) restoreRouting() {
	if !x.ep.routed {
		return
	}
	if x.routing == nil {
		if x.routing = chi.RouteContext(x.r.Context()); x.routing != nil {
			x.origin = x.routing.Clone()
		}
		return
	}
	c := x.routing
	c.RoutePath, c.RouteMethod = x.origin.RoutePath, x.origin.RouteMethod
	c.URLParams.Keys = append(c.URLParams.Keys[:0], x.origin.URLParams.Keys...)
	c.URLParams.Values = append(c.URLParams.Values[:0], x.origin.URLParams.Values...)
	c.RoutePatterns = append(c.RoutePatterns[:0], x.origin.RoutePatterns...)
}
