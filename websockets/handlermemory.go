package websockets

import (
	"context"
	"reflect"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// handlerMemory reuses the memory for the input and the result of one handler. The handler has copies of both: what is reused
// is only where they are decoded and encoded.
type handlerMemory[In, Out any] struct{ pool sync.Pool }

type exchanged[In, Out any] struct {
	in  In
	out Out
}

// newHandlerMemory returns nil if the memory of such types, or of a handler for which possible is false, cannot be reused.
func newHandlerMemory[In, Out any](possible bool) *handlerMemory[In, Out] {
	if !possible || codec.ExposesPointers(reflect.TypeFor[In]()) || !encodesAt(reflect.TypeFor[Out]()) {
		return nil
	}
	return &handlerMemory[In, Out]{sync.Pool{New: func() any { return new(exchanged[In, Out]) }}}
}

// encodesAt reports whether a result is encoded equally by a pointer to it, which the encoder does not keep.
func encodesAt(t reflect.Type) bool {
	if t == reflect.TypeFor[Payload]() || t.Implements(reflect.TypeFor[interface{ Arguments(f seal.Framework) []any }]()) {
		return false
	}
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return false // nothing would be saved
	}
	return !codec.ExposesPointers(t)
}

// invoke decodes the input, calls the handler and sends its result.
func (p *handlerMemory[In, Out]) invoke(ctx context.Context, x handler.Exchange, h func(context.Context, In) (Out, error)) error {
	v := p.pool.Get().(*exchanged[In, Out])
	if err := x.Decode(ctx, &v.in); err != nil {
		return err
	}
	out, err := h(ctx, v.in)
	if err != nil {
		return err
	}
	v.out = out
	err = x.ResultAt(&v.out)
	*v = exchanged[In, Out]{}
	p.pool.Put(v)
	return err
}
