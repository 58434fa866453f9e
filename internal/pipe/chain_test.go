package pipe

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

type handlerFunc func(context.Context) (any, error)

func (f handlerFunc) Handle(ctx context.Context) (any, error) { return f(ctx) }

// An interceptor that calls next again, after an error or a panic, runs all inner
// interceptors again.
func TestNextTwice(t *testing.T) {
	inner, handled := 0, 0
	again := pipeline.InterceptorFunc(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
		if _, err := next(ctx); err == nil {
			t.Error("first call of next: got no error")
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = next(ctx)
			t.Error("second call of next: got no panic")
		}()
		return next(ctx)
	})
	counting := pipeline.InterceptorFunc(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
		inner++
		return next(ctx)
	})
	c := Link(Scope{Interceptors: []pipeline.Interceptor{again}}, Scope{}, Scope{Interceptors: []pipeline.Interceptor{counting}})
	v, err := new(Run).Do(t.Context(), c, &pipeline.Call{}, handlerFunc(func(context.Context) (any, error) {
		switch handled++; handled {
		case 1:
			return nil, errors.New("not yet")
		case 2:
			panic("crash")
		}
		return "done", nil
	}))
	if v != "done" || err != nil || inner != 3 || handled != 3 {
		t.Errorf("%v, %v: inner interceptor ran %d times, handler %d times", v, err, inner, handled)
	}
}
