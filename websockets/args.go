package websockets

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/placeholder"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// Args2 is two arguments: of an event from a client, of an answer, or of an event to clients.
//
//	// socket.emit("move", "tea", 7, (room, count) => …)
//	func (g *Gateway) Move(ctx context.Context, in websockets.Args2[string, int]) (websockets.Args2[string, int], error) {
//		return websockets.NewArgs2(in.First, in.Second+1), nil
//	}
//
//	var Moved = websockets.NewEvent[websockets.Args2[float64, float64]]("moved") // socket.on("moved", (x, y) => …)
//
// What a client leaves out is the zero value, and more arguments are ignored. Where events have no
// arguments, as on plain WebSocket, it is a list, in both directions. It must be the whole payload:
// inside of another type it is a struct like any other. Binary works as elsewhere.
type Args2[A, B any] struct {
	First  A
	Second B
}

// NewArgs2 returns two arguments.
func NewArgs2[A, B any](first A, second B) Args2[A, B] { return Args2[A, B]{first, second} }

// Arguments implements the encoding. The framework calls it.
func (a Args2[A, B]) Arguments(seal.Framework) []any { return []any{a.First, a.Second} }

// Targets implements the decoding. The framework calls it.
func (a *Args2[A, B]) Targets(seal.Framework) []any { return []any{&a.First, &a.Second} }

// Args3 is three arguments; see [Args2].
type Args3[A, B, C any] struct {
	First  A
	Second B
	Third  C
}

// NewArgs3 returns three arguments.
func NewArgs3[A, B, C any](first A, second B, third C) Args3[A, B, C] {
	return Args3[A, B, C]{first, second, third}
}

// Arguments implements the encoding. The framework calls it.
func (a Args3[A, B, C]) Arguments(seal.Framework) []any { return []any{a.First, a.Second, a.Third} }

// Targets implements the decoding. The framework calls it.
func (a *Args3[A, B, C]) Targets(seal.Framework) []any {
	return []any{&a.First, &a.Second, &a.Third}
}

// Args returns the arguments of an event or answer: none, the payload itself, or those that it is a list
// of (Spread). They share memory with p. It returns nil if the list is not JSON.
//
//	func (g *Gateway) Any(ctx context.Context, event string, p websockets.Payload) (bool, error) {
//		for _, arg := range p.Args() {
//			…
//		}
//	}
func (p Payload) Args() []Payload {
	if !p.Spread {
		if p.IsZero() {
			return nil
		}
		return []Payload{p}
	}
	return p.elements()
}

// elements returns those of the list that p is, each with its attachments.
func (p Payload) elements() (all []Payload) {
	d := jsontext.NewDecoder(bytes.NewReader(p.JSON), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
		return nil
	}
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return nil
		}
		all = append(all, p.element(bytes.Clone(v)))
	}
	return all
}

// element returns a part of p with the attachments that it refers to, which are numbered anew.
func (p Payload) element(text []byte) Payload {
	if len(p.Attachments) == 0 {
		return Payload{JSON: text}
	}
	var e Payload
	from := 0
	for _, at := range placeholder.All(text) {
		if at.Num < 0 || at.Num >= len(p.Attachments) {
			continue
		}
		e.JSON = append(append(e.JSON, text[from:at.Start]...), `{"_placeholder":true,"num":`...)
		e.JSON = append(strconv.AppendInt(e.JSON, int64(len(e.Attachments)), 10), '}')
		e.Attachments = append(e.Attachments, p.Attachments[at.Num])
		from = at.End
	}
	e.JSON = append(e.JSON, text[from:]...)
	return e
}

// DecodeArguments decodes into an [Args2] or [Args3]; handled reports whether v points to one. list has a payload that is
// one list stand for its elements. The framework calls it.
func DecodeArguments(_ seal.Framework, p Payload, v any, list bool, decode func(Payload, any) error) (handled bool, err error) {
	t, ok := v.(interface{ Targets(f seal.Framework) []any })
	if !ok {
		return false, nil
	}
	args := p.Args()
	if list && len(p.JSON) > 0 && p.JSON[0] == '[' {
		args = p.elements()
	}
	for i, target := range t.Targets(seal.Framework{}) {
		if i == len(args) {
			break
		}
		if err := decode(args[i], target); err != nil {
			return true, argumentError(i, err)
		}
	}
	return true, nil
}

// argumentError adds which argument was wrong.
func argumentError(i int, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	named := *e
	before, after, found := strings.Cut(e.Message, ": ")
	if !found {
		before, after = e.Message, ""
	}
	named.Message = strings.TrimSuffix(fmt.Sprintf("%s: argument %d: %s", before, i+1, after), ": ")
	return &named
}
