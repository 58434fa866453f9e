package observers

import (
	"context"
	"slices"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// starter is a hook that returns a function for the end of what it has seen.
type starter[A, R any] func(context.Context, A) (context.Context, func(R))

// Ending has the functions that hooks have returned. The zero value has none. It is a value, and has room for two, so that
// the messages of most applications need no memory for it.
type Ending[R any] struct {
	set           *Set
	name          string
	first, second func(R)
	more          []func(R)
}

// Wanted reports whether there is a function to call.
func (e Ending[R]) Wanted() bool { return e.first != nil }

// Call calls the functions, that of the last hook first.
func (e Ending[R]) Call(r R) {
	for _, f := range slices.Backward(e.more) {
		end(e.set, e.name, f, r)
	}
	if e.second != nil {
		end(e.set, e.name, e.second, r)
	}
	if e.first != nil {
		end(e.set, e.name, e.first, r)
	}
}

func (e *Ending[R]) add(f func(R)) {
	switch {
	case f == nil:
	case e.first == nil:
		e.first = f
	case e.second == nil:
		e.second = f
	default:
		e.more = append(e.more, f)
	}
}

// startAll calls the hooks of one kind.
func startAll[A, R any](ctx context.Context, s *Set, name string, hooks []starter[A, R], a A) (context.Context, Ending[R]) {
	e := Ending[R]{set: s, name: name}
	for _, f := range hooks {
		inner, ended := start(ctx, s, name, f, a)
		if inner != nil {
			ctx = inner //nolint:fatcontext // one for each observer, of which there are few
		}
		e.add(ended)
	}
	return ctx, e
}

func start[A, R any](ctx context.Context, s *Set, name string, f starter[A, R], a A) (inner context.Context, ended func(R)) {
	returned := false
	defer func() {
		if v := recover(); v != nil || !returned {
			s.logPanic(name, v)
		}
	}()
	inner, ended = f(ctx, a)
	returned = true
	return inner, ended
}

func end[R any](s *Set, name string, f func(R), r R) {
	returned := false
	defer func() {
		if v := recover(); v != nil || !returned {
			s.logPanic(name, v)
		}
	}()
	f(r)
	returned = true
}

// callAll calls the hooks of one kind that return nothing.
func callAll[A any](s *Set, name string, hooks []func(websockets.Client, A), c websockets.Client, a A) {
	for _, f := range hooks {
		callOne(s, name, f, c, a)
	}
}

func callOne[A any](s *Set, name string, f func(websockets.Client, A), c websockets.Client, a A) {
	returned := false
	defer func() {
		if v := recover(); v != nil || !returned {
			s.logPanic(name, v)
		}
	}()
	f(c, a)
	returned = true
}
