package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// endpoint is a handler with all that stands before it: the one place where a
// request passes the pipeline.
type endpoint struct {
	method, path string // method is "" for any
	pattern      string // method and path; "" for any method
	name         string
	chain        *pipe.Chain
	log          *slog.Logger
	limit        int64
	limited      bool // by an option, so for every handler
	handler      http.Handler
	routed       bool   // the handler is a router of chi
	typed        *typed // the handler is that of JSON, and is called without detours
	broken       error  // answers everything
}

func newEndpoint(global, owner, route pipe.Scope) *endpoint {
	return &endpoint{chain: pipe.Link(global, owner, route)}
}

// ServeHTTP implements [http.Handler].
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	decodePath(r)
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
	x.finish(body, sound(err))
}

// sound gives the error, or what its own methods panic with when they are asked what
// will be asked of it: nobody recovers that later.
func sound(err error) (out error) {
	if err == nil {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			out = &panicError{v, debug.Stack()}
		}
	}()
	_ = errors.Is(err, context.Canceled)
	_ = visible(err)
	return err
}

// patternOf is "GET /rooms/{room}". HEAD on a route of GET is that route.
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

// exchange is one request on its way through an endpoint.
type exchange struct {
	tracker

	ep     *endpoint
	r      *http.Request
	ctx    context.Context
	outer  *exchange // that of a router around this one
	call   pipeline.Call
	values pipeline.Values
	flow   pipe.Run

	denied  bool
	reached bool // the handler has been called
	left    bool // the handler has left its result here, to be written
	result  any
	err     error
	status  int // of the result; 0 is 200
	empty   int // of an answer without one; 0 is 204
	in      body

	routing, origin *chi.Context // of a routed handler: what it changes, and a copy
}

type exchangeKey struct{}

func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// panicError is a recovered panic of a user's function.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// run takes the request through guards, interceptors and handler, and encodes the
// result. nil bytes: there is none.
func (x *exchange) run() (body []byte, err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == any(http.ErrAbortHandler) {
			panic(v) //nolint:forbidigo // the server's own signal, which is its to handle
		}
		body, err = nil, &panicError{v, debug.Stack()}
	}()
	if x.ep.broken != nil {
		return nil, x.ep.broken
	}
	if err := x.ep.chain.Check(x.ctx, &x.call); err != nil {
		x.denied = true
		return nil, err
	}
	v, err := x.flow.Do(x.ctx, x.ep.chain, &x.call, x.final)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, nil
	}
	return x.encode(v)
}

func (x *exchange) encode(v any) ([]byte, error) {
	var t *typed
	if t = x.ep.typed; t == nil {
		t = &typed{}
	}
	b, err := t.encode(v)
	if err != nil {
		return nil, fmt.Errorf("web: the result, %T, does not encode as JSON: %w", v, err)
	}
	return b, nil
}

// final calls the handler.
func (x *exchange) final(ctx context.Context) (any, error) {
	if t := x.ep.typed; t != nil {
		x.reached, x.left, x.empty = true, true, t.status
		return t.run(ctx, x, x.ResponseWriter, x.r)
	}
	x.remember()
	x.reached, x.left, x.result, x.err = true, false, nil, nil
	r := x.r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	if x.ep.limited && r.Body != nil {
		r.Body = http.MaxBytesReader(x.ResponseWriter, r.Body, x.ep.limit)
	}
	x.ep.handler.ServeHTTP(x.writer(), r)
	return x.result, x.err
}

// remember lets a router of chi be called again by an interceptor: it finds its way
// by what it leaves in the request's context.
func (x *exchange) remember() {
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
