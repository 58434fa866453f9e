package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/hookform"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/module"
)

// OnModuleInit is called after all constructors and AfterInit hooks, before the
// application accepts clients. The hooks of a provider's dependencies run first. An
// error aborts the start.
type OnModuleInit interface {
	OnModuleInit(ctx context.Context) error
}

// OnApplicationBootstrap is called after every OnModuleInit, before the
// application listens. An error aborts the start.
type OnApplicationBootstrap interface {
	OnApplicationBootstrap(ctx context.Context) error
}

// OnModuleDestroy is called first when the application stops: clients are still
// connected, but new ones are rejected. The hook of a provider runs before those of its
// dependencies. An error does not end the stop; Stop returns all of them. This holds
// for the hooks below too.
type OnModuleDestroy interface {
	OnModuleDestroy(ctx context.Context) error
}

// BeforeApplicationShutdown is called after every OnModuleDestroy, before
// clients are disconnected.
type BeforeApplicationShutdown interface {
	BeforeApplicationShutdown(ctx context.Context) error
}

// OnApplicationShutdown is called last, after all handlers and disconnect hooks have
// finished and all listeners are closed. Close here what handlers use.
type OnApplicationShutdown interface {
	OnApplicationShutdown(ctx context.Context) error
}

// hook is one kind of lifecycle hook.
type hook struct {
	name string
	of   func(any) func(context.Context) error // nil when the value does not have the hook
	form hookform.Hook
}

func hookOf[I any](name string, method func(I) func(context.Context) error) hook {
	return hook{name, func(v any) func(context.Context) error {
		if i, ok := v.(I); ok {
			return method(i)
		}
		return nil
	}, hookform.Of[I](name, "(ctx context.Context) error")}
}

var (
	moduleInit     = hookOf("OnModuleInit", func(i OnModuleInit) func(context.Context) error { return i.OnModuleInit })
	bootstrap      = hookOf("OnApplicationBootstrap", func(i OnApplicationBootstrap) func(context.Context) error { return i.OnApplicationBootstrap })
	moduleDestroy  = hookOf("OnModuleDestroy", func(i OnModuleDestroy) func(context.Context) error { return i.OnModuleDestroy })
	beforeShutdown = hookOf("BeforeApplicationShutdown", func(i BeforeApplicationShutdown) func(context.Context) error { return i.BeforeApplicationShutdown })
	shutdown       = hookOf("OnApplicationShutdown", func(i OnApplicationShutdown) func(context.Context) error { return i.OnApplicationShutdown })

	hookForms = []hookform.Hook{moduleInit.form, bootstrap.form, moduleDestroy.form, beforeShutdown.form, shutdown.form}
)

// ErrStuck is the error of constructors and hooks that have not returned 1 s after the
// context of Start or Stop has ended: the application does not wait for them any longer.
// After that second the same holds for later ones, which have 5 s in all.
var ErrStuck = await.ErrStuck

// HookError is the error of a lifecycle hook.
type HookError struct {
	Hook     string // OnModuleInit
	Provider string // chat.NewRooms
	Module   string
	Place    string // chat/rooms.go:12
	Err      error
}

// Error returns the error with the hook, the provider, its module and its place.
func (e *HookError) Error() string {
	return fmt.Sprintf("module %s: %s of %s (%s): %v", e.Module, e.Hook, e.Provider, e.Place, e.Err)
}

// Unwrap returns the error of the hook.
func (e *HookError) Unwrap() error { return e.Err }

// callStartHooks calls a hook of every instance, in order, until one fails.
func (a *App) callStartHooks(w *await.Waiter, h hook) error {
	for i, inst := range a.instances {
		if err := a.callHook(w, h, inst); err != nil {
			return err
		}
		a.inited = max(a.inited, i+1)
	}
	return nil
}

// callStopHooks calls a hook of every instance in reverse order and collects the errors.
func (a *App) callStopHooks(w *await.Waiter, h hook) error {
	var errs []error
	for _, inst := range slices.Backward(a.instances[:a.inited]) {
		errs = append(errs, a.callHook(w, h, inst))
	}
	return errors.Join(errs...)
}

func (a *App) callHook(w *await.Waiter, h hook, inst module.Instance) error {
	if isNil(inst.Value) {
		return nil
	}
	f := h.of(inst.Value)
	if f == nil {
		return nil
	}
	return a.runHook(w, HookError{Hook: h.name, Provider: inst.Name, Module: inst.Module.Name(), Place: inst.Place}, f)
}

// runHook calls a hook, and no longer waits for one that is stuck.
func (a *App) runHook(w *await.Waiter, h HookError, f func(context.Context) error) error {
	start := time.Now()
	err := w.Call(f)
	log := a.log.With("hook", h.Hook, "module", h.Module, "provider", h.Provider, "place", h.Place)
	switch p, panicked := errors.AsType[*recovered.PanicError](err); {
	case err == nil:
		log.Debug("hook", "took", time.Since(start))
		return nil
	case errors.Is(err, await.ErrStuck):
		h.Err = fmt.Errorf("%w: return when the context of the hook ends", err)
		log.Error("hook is stuck", "waited", time.Since(start).Round(time.Millisecond))
	case panicked:
		h.Err = fmt.Errorf("%w\n%s", err, p.Stack)
	default:
		h.Err = err
	}
	return &h
}

// warnOfNil logs providers with hooks that are not called because their constructors have
// returned nil.
func (a *App) warnOfNil() {
	for _, inst := range a.instances {
		if !isNil(inst.Value) || inst.Value == nil {
			continue
		}
		for _, h := range []hook{moduleInit, bootstrap, moduleDestroy, beforeShutdown, shutdown} {
			if h.form.Called(reflect.TypeOf(inst.Value)) {
				a.log.Warn("the hooks of a provider are not called: its constructor has returned nil",
					"module", inst.Module.Name(), "provider", inst.Name, "place", inst.Place, "type", fmt.Sprintf("%T", inst.Value))
				break
			}
		}
	}
}

// isNil reports whether a constructor has returned nil: hooks cannot be called on it.
func isNil(v any) bool {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Chan, reflect.Map:
		return r.IsNil()
	default:
		return false
	}
}
