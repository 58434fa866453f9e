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

// Rule adds a rule that tags can name, or replaces one of the library. f reports
// whether the field is valid; it gets the context of the call and must be safe for
// concurrent use. A nil pointer breaks the rule without a call of f, unless omitempty
// precedes it.
//
// [Messages] sets the text for the client.
func Rule(name string, f func(context.Context, validator.FieldLevel) bool) Option {
	return func(c *config) { c.rules = append(c.rules, rule{name, f}) }
}

// Messages replaces or translates the messages of violations. f gets the violation
// with its English message and returns another message, or "" to keep it. It must be
// safe for concurrent use.
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

// Engine sets the validator engine, for features that only the library offers:
// aliases, rules for whole structs, another tag name. The rules of [Rule] are added to
// e; do not change e afterwards. Names in violations are wire names, regardless of
// RegisterTagNameFunc; rules for whole structs may report Go or wire names. Default,
// and for nil: a new engine.
func Engine(e *validator.Validate) Option {
	return func(c *config) { c.engine = e }
}

// addRules registers the rules.
func addRules(e *validator.Validate, rules []rule) error {
	for _, r := range rules {
		if r.f == nil {
			return fmt.Errorf("validate: rule %q: function is nil: pass one to validate.Rule", r.name)
		}
		if err := addRule(e, r); err != nil {
			return fmt.Errorf("validate: invalid rule name %s: %w: pass another name to validate.Rule", strconv.Quote(r.name), err)
		}
	}
	return nil
}

// addRule converts a panic of the library, about an invalid name, to an error.
func addRule(e *validator.Validate, r rule) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	return e.RegisterValidationCtx(r.name, r.f)
}
