package module

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// BuildError is the error or panic of a constructor:
//
//	module orders (orders/orders.go:12): NewOrders (orders/orders.go:30) failed: no such table
//
// It unwraps to the error that the constructor returned or panicked with.
type BuildError struct {
	Module      *Module
	Constructor string // NewOrders
	Place       string // orders/orders.go:30
	Err         error
	Stack       string // stack of the panic; empty if the constructor returned Err
}

func (e *BuildError) Error() string {
	verb := "failed"
	if e.Stack != "" {
		verb = "panicked"
	}
	s := fmt.Sprintf("module %s: %s (%s) %s: %v", e.Module, e.Constructor, e.Place, verb, e.Err)
	if e.Stack != "" {
		s += "\n" + e.Stack
	}
	return s
}

// Unwrap returns Err.
func (e *BuildError) Unwrap() error { return e.Err }

var errAbandoned = errors.New("not called: the start has been abandoned")

func (n *node) buildError(err error) *BuildError {
	return &BuildError{Module: n.scope.m, Constructor: n.name, Place: n.where.String(), Err: err}
}

// call runs the constructor and stores its results.
func (n *node) call(r *run, g *Graph, args []reflect.Value) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = n.panicked(p)
		}
	}()
	if r.abandoned.Load() {
		return n.buildError(errAbandoned)
	}
	r.building.Store(n)
	defer r.building.Store(nil)
	out := n.provider.ctor.Call(args)
	for _, v := range out {
		if v.Type() == errorType && !v.IsNil() {
			return n.buildError(v.Interface().(error))
		}
	}
	for _, res := range n.results {
		if _, ok := g.values[res.slot]; ok {
			continue // overridden
		}
		v := out[res.out.path[0]]
		for _, field := range res.out.path[1:] {
			v = v.Field(field)
		}
		r.slots[res.slot].set(v)
	}
	return nil
}

func (n *node) panicked(p any) error {
	err, ok := p.(error)
	if !ok {
		err = fmt.Errorf("%v", p)
	}
	b := n.buildError(err)
	if _, ok := p.(*LazyError); !ok {
		b.Stack = panicStack()
	}
	return b
}

// panicStack formats the frames from the panic up to the call of the constructor.
func panicStack() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	user := false
	for {
		f, more := frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			user = user || f.Function == "runtime.gopanic"
		case strings.HasPrefix(f.Function, "reflect.Value."):
			more = more && !user
		case user:
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "\t%s (%s:%d)", f.Function, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}
