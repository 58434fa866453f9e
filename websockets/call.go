package websockets

import "context"

// Answers is what the clients of a [Broadcast.Call] answered.
type Answers = Results[Payload]

// Results is what the clients of a broadcast answered. Every client that was
// selected is in one of the two lists.
type Results[T any] struct {
	// Answered has the answers in the order in which they came.
	Answered []Answer[T]
	// Missing has the clients without an answer.
	Missing []NoAnswer
}

// Answer is what one client answered.
type Answer[T any] struct {
	Client Client
	Value  T
}

// NoAnswer tells of a client that has not answered, and why.
type NoAnswer struct {
	Client Client
	// Err is [ErrClosed] when it has left, [ErrQueueFull] or [ErrTooManyCalls]
	// when it could not be asked, the error of ctx when it was too slow, and an
	// [*Error] when its answer did not decode.
	Err error
}

// CallAll sends req to every client of a broadcast and gathers the answers, as
// [Broadcast.Call] does. An answer that does not decode is no error: its client
// is missing.
//
//	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
//	defer cancel()
//	votes, err := Vote.CallAll(ctx, g.Server.To("board"), Question{"Adopt?"})
//	for _, v := range votes.Answered {
//		count(v.Client, v.Value)
//	}
func (e CallEvent[Req, Res]) CallAll(ctx context.Context, to Broadcast, req Req) (Results[Res], error) {
	raw, err := to.Call(ctx, e.name, req, e.opts...)
	res := Results[Res]{Missing: raw.Missing}
	if len(raw.Answered) > 0 {
		res.Answered = make([]Answer[Res], 0, len(raw.Answered))
	}
	for _, a := range raw.Answered {
		var v Res
		if err := a.Value.Decode(&v); err != nil {
			res.Missing = append(res.Missing, NoAnswer{a.Client, err})
			continue
		}
		res.Answered = append(res.Answered, Answer[Res]{a.Client, v})
	}
	return res, err
}
