package pipeline_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// A guard that requires a header. Bind it with websockets.UseGuards, web.UseGuards or
// app.UseGuards.
func ExampleGuardFunc() {
	guard := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get("X-Api-Key") != "secret" {
			return pipeline.ErrForbidden
		}
		return nil // allow the call
	})

	for _, key := range []string{"secret", ""} {
		r := &http.Request{Header: http.Header{"X-Api-Key": {key}}}
		err := guard.Check(context.Background(), &pipeline.Call{Kind: pipeline.KindConnect, Request: r})
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// Forbidden resource
}

// NotFoundError is an error of a store that knows nothing about clients.
type NotFoundError struct{ Kind string }

func (e *NotFoundError) Error() string { return "no rows in table " + e.Kind }

// A filter that converts an error of the application to one for the client, also if it
// is wrapped.
func ExampleFilterOf() {
	notFound := pipeline.FilterOf(func(_ context.Context, _ *pipeline.Call, e *NotFoundError) *pipeline.Error {
		return &pipeline.Error{Message: e.Kind + " not found", Code: "not_found", Status: http.StatusNotFound}
	})

	err := fmt.Errorf("load: %w", &NotFoundError{"room"})
	answer := notFound.Catch(context.Background(), &pipeline.Call{Pattern: "join"}, err)
	fmt.Println(answer.Status, answer.Code, answer.Message)
	// Output: 404 not_found room not found
}

// A pipe that changes and checks payloads of one type. Other payloads pass it unchanged.
func ExamplePipeOf() {
	type Message struct{ Text string }
	pipe := pipeline.PipeOf(func(_ context.Context, m *Message) error {
		m.Text = strings.TrimSpace(m.Text)
		if m.Text == "" {
			return pipeline.Invalid(pipeline.Violation{Field: "text", Rule: "required", Message: "is required"})
		}
		return nil
	})

	for _, m := range []*Message{{" hello "}, {"  "}} {
		err := pipe.Transform(context.Background(), &pipeline.Call{}, m)
		fmt.Printf("%q, %v\n", m.Text, err)
	}
	// Output:
	// "hello", <nil>
	// "", Bad payload: text is required
}

// Roles is metadata of handlers: websockets.On("delete", g.Delete, websockets.Meta(Roles.With("admin"))).
var Roles = pipeline.NewKey[string]("roles")

// A guard that reads the metadata of the handler.
func ExampleKey() {
	guard := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		role, ok := Roles.Of(c)
		if ok && c.Request.Header.Get("X-Role") != role {
			return &pipeline.Error{Message: "Role required: " + role, Status: http.StatusForbidden}
		}
		return nil
	})

	r := &http.Request{Header: http.Header{"X-Role": {"member"}}}
	fmt.Println(guard.Check(context.Background(), &pipeline.Call{Request: r}))
	fmt.Println(guard.Check(context.Background(), &pipeline.Call{Request: r, Handler: pipeline.Metadata{Roles.With("admin")}}))
	// Output:
	// <nil>
	// Role required: admin
}

// User is set by a guard and read by handlers.
var User = pipeline.NewValue[string]("user")

func ExampleValue() {
	call := &pipeline.Call{Kind: pipeline.KindHTTP}
	User.Set(call, "ann") // in a guard

	ctx := pipeline.WithHolder(context.Background(), call) // as handlers receive it
	name, ok := User.From(ctx)
	fmt.Println(name, ok)
	// Output: ann true
}
