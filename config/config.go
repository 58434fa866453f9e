// Package config provides the configuration of an application from the environment, in a type of your own. It is a Go
// module of its own, on [github.com/caarlos0/env/v11], which describes the tags of fields.
//
//	type Config struct {
//		Addr    string        `env:"ADDR" envDefault:":3000"`
//		Origins []string      `env:"ORIGINS"`
//		Timeout time.Duration `env:"TIMEOUT" envDefault:"10s"`
//		Secret  string        `env:"SECRET,required"`
//	}
//
//	var Module = module.New("app", module.Imports(config.Module[Config](), chat.Module))
//
//	func NewTokens(c *Config) *Tokens { … }
//
// The start reads the environment and fails with one [Error] that lists all variables that are wrong. With
// app.Configure options of the application come from the same value.
package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"

	"github.com/caarlos0/env/v11"

	"github.com/gatehouse-go/gatehouse/internal/injected"
	"github.com/gatehouse-go/gatehouse/internal/place"
	"github.com/gatehouse-go/gatehouse/module"
)

// Option configures [Module] and [Read].
type Option func(*env.Options)

// Prefix sets what all names of variables start with, such as "CHAT_".
func Prefix(prefix string) Option { return func(o *env.Options) { o.Prefix = prefix } }

// Environment reads variables from a map in place of the process, for tests.
func Environment(variables map[string]string) Option {
	return func(o *env.Options) { o.Environment = maps.Clone(variables) }
}

// Module returns a global module that provides a *T: constructors of all modules may inject it, once one module imports
// this one. T is a struct whose fields have tags of package env. The value is read when the application
// starts, by [Read].
func Module[T any](opts ...Option) *module.Module {
	t := reflect.TypeFor[T]()
	read := injected.Constructor{
		Func: func() (*T, error) { return Read[T](opts...) }, Name: fmt.Sprintf("config.Module[%v]", t), At: place.Caller(0),
	}
	return module.New(fmt.Sprintf("config of %v", t), module.Global(), module.Exports(read))
}

// Read returns a T from the environment, for programs without modules and for tests. If *T or T has a method
// Validate() error, it is called when all variables could be read. The error is an [*Error].
func Read[T any](opts ...Option) (*T, error) {
	o := env.Options{}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, &Error{t, []Problem{{Err: fmt.Errorf("%v is not a struct: pass one to config.Module, whose fields have tags such as `env:\"ADDR\"`", t)}}}
	}
	if o.Environment == nil {
		o.Environment = env.ToMap(os.Environ())
	}
	c := new(T)
	if err := env.ParseWithOptions(c, o); err != nil {
		return nil, &Error{t, problems[T](o, err)}
	}
	if v, ok := any(c).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			e := &Error{Type: t}
			for _, err := range list(err) {
				e.Problems = append(e.Problems, Problem{Err: err})
			}
			return nil, e
		}
	}
	return c, nil
}

// list returns the errors that one error joins.
func list(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// problems returns what is wrong with each variable.
func problems[T any](o env.Options, err error) (all []Problem) {
	variables := culprits[T](o, err)
	for _, err := range list(err) {
		p := Problem{Err: err}
		switch e := err.(type) { //nolint:errorlint // these are not wrapped
		case env.VarIsNotSetError:
			p.Variable, p.Err = e.Key, errNotSet
		case env.EmptyVarError:
			p.Variable, p.Err = e.Key, errEmpty
		case env.LoadFileContentError:
			p.Variable, p.Err = e.Key, fmt.Errorf("is a file that cannot be read: %w", e.Err)
		case env.ParseError:
			p.Err = fmt.Errorf("is not a %v: %w", e.Type, e.Err)
			if names := variables[err.Error()]; len(names) > 0 {
				p.Variable, variables[err.Error()] = names[0], names[1:]
			} else { // its default
				p.Err = fmt.Errorf("the default of field %s is not a %v: %w", e.Name, e.Type, e.Err)
			}
		}
		all = append(all, p)
	}
	return all
}

var (
	errNotSet = errors.New("is not set")
	errEmpty  = errors.New("is empty")
)

// culprits returns the variables that errors of parsing are about, which have only the names of fields: those without
// which the error does not occur.
func culprits[T any](o env.Options, err error) map[string][]string {
	found := map[string][]string{}
	before := parseErrors(err)
	if len(before) == 0 {
		return found
	}
	var names []string
	noting := o
	noting.OnSet = func(name string, _ any, isDefault bool) {
		if !isDefault {
			names = append(names, name)
		}
	}
	_ = env.ParseWithOptions(new(T), noting)
	for _, name := range names {
		without := o
		without.Environment = maps.Clone(o.Environment)
		delete(without.Environment, name)
		after := parseErrors(env.ParseWithOptions(new(T), without))
		for text, n := range before {
			if after[text] < n {
				found[text] = append(found[text], name)
			}
		}
	}
	return found
}

// parseErrors counts the errors of parsing by their text.
func parseErrors(err error) map[string]int {
	all := map[string]int{}
	if err == nil {
		return all
	}
	for _, err := range list(err) {
		if e, ok := errors.AsType[env.ParseError](err); ok {
			all[e.Error()]++
		}
	}
	return all
}
