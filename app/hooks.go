package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

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
}

func hookOf[I any](name string, method func(I) func(context.Context) error) hook {
	return hook{name, func(v any) func(context.Context) error {
		if i, ok := v.(I); ok {
			return method(i)
		}
		return nil
	}}
}

func moduleInit() hook {
	return hookOf("OnModuleInit", func(i OnModuleInit) func(context.Context) error { return i.OnModuleInit })
}

func bootstrap() hook {
	return hookOf("OnApplicationBootstrap", func(i OnApplicationBootstrap) func(context.Context) error { return i.OnApplicationBootstrap })
}

func moduleDestroy() hook {
	return hookOf("OnModuleDestroy", func(i OnModuleDestroy) func(context.Context) error { return i.OnModuleDestroy })
}

func beforeShutdown() hook {
	return hookOf("BeforeApplicationShutdown", func(i BeforeApplicationShutdown) func(context.Context) error { return i.BeforeApplicationShutdown })
}

func shutdown() hook {
	return hookOf("OnApplicationShutdown", func(i OnApplicationShutdown) func(context.Context) error { return i.OnApplicationShutdown })
}

// HookError is the error of a lifecycle hook.
type HookError struct {
	Hook     string // OnModuleInit
	Provider string // chat.NewRooms
	Module   string
	Place    string // rooms.go:12
	Err      error
}

// Error returns the error with the hook, the provider, its module and its place.
func (e *HookError) Error() string {
	return fmt.Sprintf("module %s: %s of %s (%s): %v", e.Module, e.Hook, e.Provider, e.Place, e.Err)
}

// Unwrap returns the error of the hook.
func (e *HookError) Unwrap() error { return e.Err }

// callStartHooks calls a hook of every instance, in order, until one fails.
func (a *App) callStartHooks(ctx context.Context, h hook, instances []module.Instance) error {
	for i, inst := range instances {
		if err := a.callHook(ctx, h, inst); err != nil {
			return err
		}
		a.inited = max(a.inited, i+1)
	}
	return nil
}

// callStopHooks calls a hook of every instance in reverse order and collects the errors.
func (a *App) callStopHooks(ctx context.Context, h hook) error {
	var errs []error
	for _, inst := range slices.Backward(a.instances[:a.inited]) {
		errs = append(errs, a.callHook(ctx, h, inst))
	}
	return errors.Join(errs...)
}

func (a *App) callHook(ctx context.Context, h hook, inst module.Instance) (err error) {
	f := h.of(inst.Value)
	if f == nil {
		return nil
	}
	start := time.Now()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		if err != nil {
			err = &HookError{h.name, inst.Name, inst.Module.Name(), inst.Place, err}
			return
		}
		a.log.Debug("hook", "hook", h.name, "module", inst.Module.Name(), "provider", inst.Name, "took", time.Since(start))
	}()
	return f(ctx)
}
