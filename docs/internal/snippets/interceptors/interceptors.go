// Package interceptors is the code of docs/interceptors.md.
package interceptors

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Metrics counts what happens.
//
// snippet:timing
type Metrics struct{ seen Seen }

func NewMetrics(s Seen) *Metrics { return &Metrics{s} }

func (m *Metrics) Intercept(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
	start := time.Now()
	result, err := next(ctx) // pipes and handler
	m.seen.Observe(c.Pattern, time.Since(start), err)
	return result, err
}

// end

// InterceptDenial sees what guards have denied.
//
// snippet:denial
func (m *Metrics) InterceptDenial(_ context.Context, c *pipeline.Call, err error) error {
	m.seen.Observe("denied "+c.Pattern, 0, err)
	return nil // the client receives err; return another error to replace it
}

// end

// NewCounter counts calls by kind, pattern and status.
//
// snippet:outcome
func NewCounter(seen Seen) pipeline.Interceptor {
	return pipeline.OutcomeFunc(func(_ context.Context, c *pipeline.Call, o pipeline.Outcome) {
		pattern := c.Pattern
		if c.Name == "" {
			pattern = "none" // no handler: the event is any text of the client
		}
		seen.Observe(fmt.Sprintf("%s %s %d", c.Kind, pattern, o.Status), o.Took, o.Err)
	})
}

// end

// InterceptEmit sees what the server sends.
//
// snippet:emit
func (m *Metrics) InterceptEmit(e *pipeline.Emission, next func() error) error {
	if e.Event == "draft" {
		return nil // not sent
	}
	m.seen.Observe("sent "+e.Event, 0, nil)
	return next()
}

// end

// Seen is where Metrics go.
type Seen interface {
	Observe(what string, took time.Duration, err error)
}

// Journal is a Seen for tests.
type Journal struct {
	mu    sync.Mutex
	lines []string
}

// NewJournal makes a Journal.
func NewJournal() *Journal { return &Journal{} }

// Observe implements Seen.
func (j *Journal) Observe(what string, _ time.Duration, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		what += ": " + err.Error()
	}
	j.lines = append(j.lines, what)
}

// Envelope puts results into an object.
//
// snippet:map
type Envelope struct {
	Data any `json:"data"`
}

var InEnvelope = pipeline.Map(func(_ context.Context, _ *pipeline.Call, result any) (any, error) {
	return Envelope{result}, nil
})

// end

// Cache answers without the handler, where there is no payload.
//
// snippet:cache
type Cache struct{ results sync.Map }

func NewCache() *Cache { return &Cache{} }

func (k *Cache) Intercept(ctx context.Context, c *pipeline.Call, next pipeline.Next) (any, error) {
	if result, ok := k.results.Load(c.Pattern); ok {
		return result, nil // the handler is not called
	}
	result, err := next(ctx)
	if err == nil {
		k.results.Store(c.Pattern, result)
	}
	return result, err
}

// end

// Double changes each item of a stream.
//
// snippet:item
var Double = pipeline.Map(func(_ context.Context, _ *pipeline.Call, v any) (any, error) {
	if r, ok := v.(websockets.Response[int]); ok {
		r.Data *= 2
		return r, nil
	}
	return v, nil
})

// end

// Gateway is the one of the page.
type Gateway struct {
	Server *websockets.Server `websockets:"server"`
	asked  int
}

// NewGateway makes it.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions of the page.
//
// snippet:bind
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("price", g.Price, websockets.UseInterceptors(InEnvelope)),
		websockets.Stream("count", g.Count, websockets.UseInterceptors(Double)),
		websockets.On("report", g.Report, websockets.UseInterceptors(pipeline.Timeout(50*time.Millisecond))),
		websockets.Listen("post", g.Post),
	}
}

var Module = module.New("shop",
	module.Providers(module.As[Seen](NewJournal)),
	module.Exports(websockets.Gateway(NewGateway, websockets.UseInterceptors(NewMetrics),
		websockets.ForEvent("price", websockets.UseInterceptors(NewCache)))),
	module.Controllers(web.Controller(NewController, web.UseInterceptors(NewMetrics, InEnvelope))),
)

// end

// Price is asked once.
func (g *Gateway) Price(context.Context, struct{}) (int, error) {
	if g.asked > 0 {
		return 0, errors.New("no price")
	}
	g.asked++
	return 7, nil
}

// Count counts.
func (g *Gateway) Count(_ context.Context, n int) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		for i := range n {
			if !yield(websockets.Respond("n", i+1), nil) {
				return
			}
		}
	}
}

// Report takes too long.
func (g *Gateway) Report(ctx context.Context, _ struct{}) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// Post says what was said.
func (g *Gateway) Post(ctx context.Context, event string) error {
	return g.Server.Emit(ctx, event, "text")
}

// Controller is the one of the page.
type Controller struct{}

// NewController makes it.
func NewController() *Controller { return &Controller{} }

// Routes of the page.
func (c *Controller) Routes(r chi.Router) {
	r.Get("/price", web.JSON(func(context.Context, struct{}) (int, error) { return 7, nil }))
	web.Use(r, web.UseGuards(pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return pipeline.ErrForbidden }))).
		Get("/secret", web.JSON(func(context.Context, struct{}) (int, error) { return 7, nil }))
	web.Use(r, web.UseInterceptors(pipeline.Timeout(time.Millisecond))).
		Get("/slow", web.JSON(func(ctx context.Context, _ struct{}) (int, error) { <-ctx.Done(); return 0, ctx.Err() }))
}

func main() {
	// snippet:global
	app.Main(Module,
		app.HTTP(":3000"),
		app.WebSockets(ws.New()),
		app.UseInterceptors(pipeline.NewLogging), // every request and message
	)
	// end
}

var _ = main
