package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/validate"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// selfValidated is a payload with a Validate method.
type selfValidated struct {
	Text string `json:"text"`
}

func (a selfValidated) Validate() error {
	if a.Text == "" {
		return errors.New("text is required")
	}
	return nil
}

// tagged is a payload with validate tags.
type tagged struct {
	Text string   `json:"text" validate:"required,max=5"`
	To   []person `json:"to" validate:"max=3,dive"`
}

type person struct {
	Name string `json:"name" validate:"required"`
}

// piped is a payload that a pipe rejects.
type piped struct {
	Room string `json:"room"`
}

// statusError has a status, like errors of other packages.
type statusError struct{ StatusCode int }

func (statusError) Error() string { return "internal detail" }

// fault is the failure of a handler.
type fault string

// thrown are the faults that are errors.
var thrown = map[fault]error{
	"text":      websockets.NewError("boom"),
	"object":    &pipeline.Error{Message: "m", Body: map[string]any{"code": 7}},
	"array":     &pipeline.Error{Message: "m", Body: []any{1, "two"}},
	"number":    websockets.NewError("5"),
	"unknown":   errors.New("password of the database"),
	"gone":      &pipeline.Error{Message: "gone", Status: http.StatusGone},
	"forbidden": &pipeline.Error{Message: "boom", Status: http.StatusForbidden},
	"not found": &pipeline.Error{Message: "Not Found", Status: http.StatusNotFound},
	"status":    statusError{422},
	"caught":    errStock,
	"uncaught":  errStock,
}

var errStock = errors.New("stock: no such article")

func (f fault) err() error {
	if f == "panic" {
		panic("password of the database")
	}
	return thrown[f]
}

// Guards, pipes and filters; one set for messages and requests.
var (
	denyAll = pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return pipeline.ErrForbidden })
	inRooms = pipeline.PipeOf(func(_ context.Context, p *piped) error {
		if p.Room != "lobby" {
			return pipeline.Invalid(pipeline.Violation{Field: "room", Rule: "room", Message: "is no room"})
		}
		return nil
	})
	catching = pipeline.FilterIs(errStock, &pipeline.Error{Message: "No such article", Code: "no_article", Status: http.StatusNotFound})
	failing  = pipeline.FilterFunc(func(context.Context, *pipeline.Call, error) *pipeline.Error { panic("a filter") })
	rules    = validate.New()
)

// failingGateway is a gateway whose handlers fail.
type failingGateway struct{}

func (*failingGateway) Subscriptions() []websockets.Subscription {
	fail := func(f fault, opts ...websockets.HandlerOption) websockets.Subscription {
		return websockets.On(string(f), func(context.Context, json.RawMessage) (int, error) { return 0, f.err() }, opts...)
	}
	return []websockets.Subscription{
		fail("text"), fail("object"), fail("array"), fail("number"), fail("unknown"), fail("gone"), fail("panic"),
		fail("denied", websockets.UseGuards(denyAll)),
		fail("caught", websockets.UseFilters(catching)),
		fail("uncaught", websockets.UseFilters(failing)),
		websockets.On("validated", func(_ context.Context, in selfValidated) (string, error) { return in.Text, nil }),
		websockets.On("tagged", func(_ context.Context, in tagged) (string, error) { return in.Text, nil }, websockets.UsePipes(rules)),
		websockets.On("piped", func(_ context.Context, in piped) (string, error) { return in.Room, nil }, websockets.UsePipes(inRooms)),
		websockets.Stream("stream", func(context.Context, json.RawMessage) iter.Seq2[websockets.Response[int], error] {
			return func(yield func(websockets.Response[int], error) bool) {
				_ = yield(websockets.Respond("item", 1), nil) && yield(websockets.Respond("item", 2), nil) &&
					yield(websockets.Response[int]{}, websockets.NewError("boom"))
			}
		}),
		websockets.On("alive", func(context.Context, struct{}) (bool, error) { return true, nil }),
	}
}

// failingController is a controller whose routes fail.
type failingController struct{}

func (*failingController) Routes(r chi.Router) {
	fail := func(r chi.Router, f fault) {
		r.Post("/"+string(f), web.JSON(func(context.Context, struct{}) (int, error) { return 0, f.err() }))
	}
	for _, f := range []fault{"text", "object", "unknown", "forbidden", "gone", "status", "panic"} {
		fail(r, f)
	}
	r.Post("/missing", web.JSON(func(context.Context, struct{}) (int, error) { return 0, fault("not found").err() }))
	fail(web.Use(r, web.UseGuards(denyAll)), "denied")
	fail(web.Use(r, web.UseFilters(catching)), "caught")
	fail(web.Use(r, web.UseFilters(failing)), "uncaught")
	r.Post("/validated", web.JSON(func(_ context.Context, in selfValidated) (string, error) { return in.Text, nil }))
	web.Use(r, web.UsePipes(rules)).Post("/tagged", web.JSON(func(_ context.Context, in tagged) (string, error) { return in.Text, nil }))
	web.Use(r, web.UsePipes(inRooms)).Post("/piped", web.JSON(func(_ context.Context, in piped) (string, error) { return in.Room, nil }))
	r.Get("/number/{n}", web.JSON(func(_ context.Context, in struct {
		N int `path:"n"`
	}) (int, error) {
		return in.N, nil
	}))
}
