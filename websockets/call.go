package websockets

import (
	"context"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// CallEvent is an event that the server sends and the client answers. Declare one per event,
// in a package variable.
//
//	var Confirm = websockets.NewCall[Question, bool]("confirm")
//
//	yes, err := Confirm.Call(ctx, client, Question{"Delete all?"})
type CallEvent[Req, Res any] struct {
	name string
	opts []EmitOption
	at   callSite
}

// NewCall returns a call named event that sends a Req and is answered by a Res.
//
//go:noinline // a call in a package variable has no line when it is inlined
func NewCall[Req, Res any](event string, opts ...EmitOption) CallEvent[Req, Res] {
	return CallEvent[Req, Res]{event, opts, caller()}
}

// Name is the event's name on the wire.
func (e CallEvent[Req, Res]) Name() string { return e.name }

// EventInfo returns the name and the type of what is sent.
func (e CallEvent[Req, Res]) EventInfo() (name string, payload reflect.Type) {
	return e.name, reflect.TypeFor[Req]()
}

// EventPlace returns where the call was declared. The framework calls it.
func (e CallEvent[Req, Res]) EventPlace(seal.Framework) string { return e.at.place() }

// EmitOptions returns how the call is sent. The framework calls it.
func (e CallEvent[Req, Res]) EmitOptions(seal.Framework) emit.Options { return emitOptions(e.opts) }

// AnswerInfo returns the type of the answer.
func (e CallEvent[Req, Res]) AnswerInfo() reflect.Type { return reflect.TypeFor[Res]() }

// Caller is what answers a call: a [Client], or the server of a connection of package client.
type Caller interface {
	Call(ctx context.Context, event string, data any, opts ...EmitOption) (Payload, error)
}

// Call sends req and waits for the answer, as [Client] does.
func (e CallEvent[Req, Res]) Call(ctx context.Context, c Caller, req Req) (Res, error) {
	var res Res
	p, err := c.Call(ctx, e.name, req, e.opts...)
	if err != nil {
		return res, err
	}
	err = decodeAnswer(c, p, &res)
	return res, err
}

// Asker is what several answers come from: a [*Server], a [Selection] or a [Local].
type Asker interface {
	Call(ctx context.Context, event string, data any, opts ...EmitOption) (Answers, error)
}

// Answers is what the clients of a [Selection.Call] answered.
type Answers = Results[Payload]

// Results is what the clients of a selection answered. Every client that was selected on a
// node that could be reached is in Answered or Missing.
type Results[T any] struct {
	// Answered has the answers in the order in which they arrived.
	Answered []Answer[T]
	// Missing has the clients without an answer.
	Missing []NoAnswer
	// Unreachable are the nodes that did not respond.
	Unreachable []Node
}

// Answer is what one client answered.
type Answer[T any] struct {
	// ID is the client's id, Node that of its node. ID is empty for a client of other software, such as
	// a server of Socket.IO on Node.
	ID, Node string
	// Client is nil for a client of another node.
	Client Client
	Value  T
}

// NoAnswer is a client that has not answered.
type NoAnswer struct {
	// ID and Node are as in Answer.
	ID, Node string
	// Client is nil for a client of another node.
	Client Client
	// Err is [ErrClosed] when it has left, [ErrQueueFull] or [ErrTooManyCalls] when it could
	// not be asked, the cause of ctx when it was too slow, and an [*Error] when its answer did
	// not decode.
	Err error
}

// CallAll sends req to every client of a selection and collects the answers, as
// [Selection.Call] does. A client whose answer does not decode is missing.
//
//	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
//	defer cancel()
//	votes, err := Vote.CallAll(ctx, g.Server.To("board"), Question{"Adopt?"})
//	for _, v := range votes.Answered {
//		count(v.ID, v.Value)
//	}
func (e CallEvent[Req, Res]) CallAll(ctx context.Context, to Asker, req Req) (Results[Res], error) {
	raw, err := to.Call(ctx, e.name, req, e.opts...)
	res := Results[Res]{Missing: raw.Missing, Unreachable: raw.Unreachable}
	if len(raw.Answered) > 0 {
		res.Answered = make([]Answer[Res], 0, len(raw.Answered))
	}
	from := hubOf(to)
	for _, a := range raw.Answered {
		var v Res
		if err := decodeAnswer(from, a.Value, &v); err != nil {
			res.Missing = append(res.Missing, NoAnswer{a.ID, a.Node, a.Client, err})
			continue
		}
		res.Answered = append(res.Answered, Answer[Res]{a.ID, a.Node, a.Client, v})
	}
	return res, err
}

// answerDecoder is a [Client], or the hub of a [Server], of the framework: it decodes with the codec
// of the application.
type answerDecoder interface {
	DecodeAnswer(f seal.Framework, p Payload, v any) error
}

func decodeAnswer(from any, p Payload, v any) error {
	if d, ok := from.(answerDecoder); ok {
		return d.DecodeAnswer(seal.Framework{}, p, v)
	}
	return p.Decode(v)
}

// hubOf returns the hub of what answers a call; nil if it is not of the framework.
func hubOf(to Asker) hub {
	switch to := to.(type) {
	case *Server:
		return to.hub
	case Selection:
		return to.hub
	case Local:
		return to.s.hub
	}
	return nil
}
