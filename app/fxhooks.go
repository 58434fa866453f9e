package app

import (
	"context"
	"sync"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/internal/await"
)

// fxHooks is the fx.Lifecycle of an application: its hooks are called within the time of Start
// and Stop, and those that are stuck are left behind.
type fxHooks struct {
	app      *App
	waiter   *await.Waiter        // of Start, then of Stop
	rollback func() *await.Waiter // of OnStop hooks that fx calls because an OnStart has failed; nil after the start
}

// decorate is a decorator for fx.
func (h *fxHooks) decorate(inner fx.Lifecycle) fx.Lifecycle { return fxLifecycle{h, inner} }

type fxLifecycle struct {
	hooks *fxHooks
	inner fx.Lifecycle
}

// Append implements [fx.Lifecycle].
func (l fxLifecycle) Append(hook fx.Hook) {
	e := HookError{Place: callerPlace().String(), Provider: "raw fx options"}
	if d, ok := l.hooks.app.graph.Building(); ok {
		e.Provider, e.Module = d.Name, d.Module.Name()
	}
	l.inner.Append(fx.Hook{
		OnStart: l.hooks.bounded("fx.OnStart", e, hook.OnStart, func() *await.Waiter { return l.hooks.waiter }),
		OnStop:  l.hooks.bounded("fx.OnStop", e, hook.OnStop, l.hooks.ofStop),
	})
}

func (h *fxHooks) bounded(name string, e HookError, f func(context.Context) error, waiter func() *await.Waiter) func(context.Context) error {
	if f == nil {
		return nil
	}
	e.Hook = name
	return func(context.Context) error { return h.app.runHook(waiter(), e, f) }
}

// start calls the OnStart hooks. When one fails, fx calls the OnStop hooks of those before it:
// within the time of a stop, since that of the start may be over.
func (h *fxHooks) start(built *fx.App) error {
	stop := func() {}
	h.rollback = sync.OnceValue(func() *await.Waiter {
		ctx, cancel := h.app.rollbackContext(h.waiter.Context())
		stop = cancel
		return await.New(ctx)
	})
	err := built.Start(context.WithoutCancel(h.waiter.Context())) // the hooks have the contexts of their waiters
	h.rollback = nil
	stop()
	return err
}

// ofStop returns what calls OnStop hooks.
func (h *fxHooks) ofStop() *await.Waiter {
	if h.rollback != nil {
		return h.rollback()
	}
	return h.waiter
}
