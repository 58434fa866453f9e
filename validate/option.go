package validate

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Option configures [New].
type Option func(*config)

type config struct {
	engine   *validator.Validate
	rules    []rule
	messages func(pipeline.Violation) string
}

type rule struct {
	name string
	f    func(context.Context, validator.FieldLevel) bool
}

// Rule adds a rule of one's own, for tags to name, or takes the place of one of the
// library. f reports whether the field is right; it is called by many goroutines at
// once. The context is that of the call. A field that is a nil pointer breaks the
// rule without f being asked, unless omitempty stands before it.
//
// What the client is told is set with [Messages].
func Rule(name string, f func(context.Context, validator.FieldLevel) bool) Option {
	return func(c *config) { c.rules = append(c.rules, rule{name, f}) }
}

// Messages words what people are told, or translates it. f is given the violation
// with the message in English, and returns another one; empty leaves it as it is. It
// is called by many goroutines at once.
//
//	validate.Messages(func(v pipeline.Violation) string {
//		if v.Rule == "slug" {
//			return "may have lower-case letters, digits and dashes only"
//		}
//		return ""
//	})
func Messages(f func(pipeline.Violation) string) Option {
	return func(c *config) { c.messages = f }
}

// Engine uses e in place of an engine of the pipe's own, for what only the library
// itself can be told: aliases, rules for whole structs, another tag name. The rules of
// [Rule] are added to e. Nobody may change e afterwards. Names stay those of the wire,
// whatever its RegisterTagNameFunc says; rules for whole structs may report either
// the name of the Go field or that of the wire. nil is an engine of the pipe's own.
func Engine(e *validator.Validate) Option {
	return func(c *config) { c.engine = e }
}

// addRules registers the rules; the library panics at some names.
func addRules(e *validator.Validate, rules []rule) error {
	for _, r := range rules {
		if r.f == nil {
			return fmt.Errorf("validate: the rule %q has no function; give one to validate.Rule", r.name)
		}
		if err := addRule(e, r); err != nil {
			return fmt.Errorf("validate: %s cannot be the name of a rule: %w; give validate.Rule another", strconv.Quote(r.name), err)
		}
	}
	return nil
}

func addRule(e *validator.Validate, r rule) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	return e.RegisterValidationCtx(r.name, r.f)
}
