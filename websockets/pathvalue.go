package websockets

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/internal/scalar"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// PathValue is a typed value of a gateway's path or namespace, by its name in the pattern. As an
// option it declares the value; clients then have it in guards, checks, hooks and handlers:
//
//	var roomID = websockets.PathValue[int]("room")
//
//	websockets.Gateway(NewGateway, websockets.Path("/rooms/{room}"), roomID)
//
//	func (g *Gateway) Post(ctx context.Context, p Post) error {
//		room, err := roomID.From(ctx)
//		…
//	}
//
// T is a type of the tag path of package web: string, bool, a number, [time.Duration], a type
// with UnmarshalText, or a pointer to one of these. Another type, and a name that the pattern does
// not have, are start errors. A client whose value does not convert is refused before any guard,
// with the error of package web: bad_payload, status 400. An empty value leaves T zero.
//
// Two PathValues of one name and type are the same. They are immutable.
type PathValue[T any] string

// pathValues are the values of a client, by their PathValue. The map is not changed.
var pathValues = NewKey[map[any]any]("path values")

// ApplyGateway implements [Option].
func (p PathValue[T]) ApplyGateway(c *config.Gateway) {
	if p == "" {
		c.Problemf("%v: the name is empty; pass the one in braces, such as \"room\" of \"/rooms/{room}\"", p)
		return
	}
	if parse := scalar.Of(reflect.TypeFor[T]()); parse != nil {
		c.PathValues = append(c.PathValues, declaredPathValue[T]{p, parse})
		return
	}
	c.Problemf("%v: text does not convert to %v; use a string, a bool, a number, a time.Duration, or a type with UnmarshalText", p, reflect.TypeFor[T]())
}

// String returns the value in the form of messages: PathValue[int]("room").
func (p PathValue[T]) String() string {
	return fmt.Sprintf("PathValue[%v](%q)", reflect.TypeFor[T](), string(p))
}

// From returns the value of the client whose message or hook is being handled, or that a guard
// or a check of Admit decides about, from the context. The error means that the gateway does not
// declare the value, or that the context has no client.
func (p PathValue[T]) From(ctx context.Context) (T, error) {
	h := pipeline.HolderFrom(ctx)
	if h == nil {
		var zero T
		return zero, fmt.Errorf("websockets: %v: the context has no client: pass that of a handler, hook or guard", p)
	}
	return p.Get(h)
}

// Get returns the value of a [Client] or [Handshake]. The error means that the gateway does not
// declare the value, or that HandleDisconnect of the client has returned.
func (p PathValue[T]) Get(h Holder) (T, error) {
	all, _ := pathValues.Get(h)
	v, ok := all[p].(T)
	if !ok {
		return v, fmt.Errorf("websockets: %v has no value: pass it to websockets.Gateway, beside the Path or Namespace that has {%s}; a client that has left has none", p, string(p))
	}
	return v, nil
}

// Set sets the value, for unit tests that call handlers directly:
//
//	c := apptest.NewFakeClient("7")
//	roomID.Set(c, 12)
func (p PathValue[T]) Set(h Holder, v T) {
	old, _ := pathValues.Get(h)
	all := make(map[any]any, len(old)+1)
	maps.Copy(all, old)
	all[p] = v
	pathValues.Set(h, all)
}

// declaredPathValue is a PathValue of a type that text converts to.
type declaredPathValue[T any] struct {
	value PathValue[T]
	parse scalar.Parser
}

func (d declaredPathValue[T]) Declared() (name, option string) {
	return string(d.value), d.value.String()
}

func (d declaredPathValue[T]) Read(h pipeline.Holder, r *http.Request) *pipeline.Error {
	var v T
	if text := r.PathValue(string(d.value)); text != "" {
		dst := reflect.ValueOf(&v).Elem()
		if err := d.parse(dst, text); err != nil {
			return decodeerr.Text(string(d.value), dst.Type(), text, err)
		}
	}
	d.value.Set(h, v)
	return nil
}
