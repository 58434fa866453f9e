package apptest

import (
	"fmt"
	"reflect"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/place"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Override replaces every provider of T by fake; their constructors are not called.
// New fails if T has no provider.
//
//	apptest.New(t, signup.Module, apptest.Override[signup.Mailer](&fakeMailer{}))
func Override[T any](fake T) Option {
	return With(app.Resolve(module.Override[T](fake)))
}

// OverrideWith replaces every provider of the type that a constructor returns by that constructor,
// which injects what the module of the provider sees. Constructors that are bound as guards,
// interceptors, pipes and filters are replaced too. New fails if the type has no provider. A
// constructor that returns a fake of its own type is passed in module.As.
//
//	apptest.OverrideWith(NewFakeMailer) // func NewFakeMailer(*slog.Logger) signup.Mailer
//	apptest.OverrideWith(module.As[signup.Mailer](NewFakeMailer)) // … *FakeMailer
//
// See [module.OverrideWith].
func OverrideWith(constructor any) Option {
	return With(app.Resolve(module.OverrideWith(constructor)))
}

// OverrideModule replaces a module wherever it is imported; nothing of it is built. New fails if
// nothing imports it. See [module.OverrideModule].
//
//	apptest.OverrideModule(billing.Module, module.New("billing", module.Exports(NewFakeBilling)))
func OverrideModule(m, by *module.Module) Option {
	return With(app.Resolve(module.OverrideModule(m, by)))
}

// OverrideGuard binds another guard wherever a T is bound as a guard: to the application, gateways,
// controllers and handlers, as a value, by a constructor, or by [pipeline.Injected]. New fails if no T
// is bound.
//
//	apptest.OverrideGuard[*auth.TokenGuard](pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
//		User.Set(c, "ada")
//		return nil
//	}))
//
// T is the type of the value, or what the constructor returns. A constructor that is only bound is not
// called; one that the module also provides is, for those that inject its result: see
// [OverrideWith]. Functions that are bound have no type of their own, and cannot be overridden.
func OverrideGuard[T any](by pipeline.Guard) Option {
	return overrideBound[T]("OverrideGuard", pipe.Guard, by)
}

// OverrideInterceptor is [OverrideGuard] for interceptors.
func OverrideInterceptor[T any](by pipeline.Interceptor) Option {
	return overrideBound[T]("OverrideInterceptor", pipe.Interceptor, by)
}

// OverridePipe is [OverrideGuard] for pipes.
func OverridePipe[T any](by pipeline.Pipe) Option {
	return overrideBound[T]("OverridePipe", pipe.Pipe, by)
}

// OverrideFilter is [OverrideGuard] for filters.
func OverrideFilter[T any](by pipeline.Filter) Option {
	return overrideBound[T]("OverrideFilter", pipe.Filter, by)
}

// overrideBound is called by the exported functions only: messages name the line of their caller.
func overrideBound[T any](option string, role pipe.Role, by any) Option {
	t := reflect.TypeFor[T]()
	name := fmt.Sprintf("apptest.%s[%v] (%s)", option, t, place.Caller(1))
	return Option{binding: func(o *pipe.Overrides) []module.ResolveOption { return o.Override(role, t, by, name) }}
}
