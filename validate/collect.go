package validate

import (
	"context"
	"fmt"
	"reflect"
	"strconv"

	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

const maxViolations = 50

// collector collects the violations of one payload.
type collector struct {
	pipe      *Pipe
	found     []pipeline.Violation
	truncated bool  // more than maxViolations
	hidden    error // the first violation of a field that is not on the wire
}

// step selects an element of a list or map.
type step struct {
	index int
	key   reflect.Value // of a map
}

func (s step) String() string {
	if s.key.IsValid() {
		return keyText(s.key)
	}
	return strconv.Itoa(s.index)
}

// visit checks all structs in v; steps lead from the payload to v.
func (c *collector) visit(ctx context.Context, v reflect.Value, steps []step) error {
	plan := c.pipe.plan(v.Type())
	if plan.err != nil {
		return plan.err
	}
	if !plan.hasStructs {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return c.visit(ctx, v.Elem(), steps)
	case reflect.Struct:
		return c.check(ctx, v, steps)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if c.truncated {
				return nil
			}
			if err := c.visit(ctx, v.Index(i), append(steps, step{index: i})); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next() && !c.truncated; {
			if err := c.visit(ctx, it.Value(), append(steps, step{key: it.Key()})); err != nil {
				return err
			}
		}
	default:
	}
	return nil
}

// check validates one struct.
func (c *collector) check(ctx context.Context, v reflect.Value, steps []step) error {
	if c.pipe.plan(v.Type()).unboundedPaths {
		s := pathCost{pipe: c.pipe}
		if s.add(v, 0); s.excess > maxExcess {
			return pipeline.Invalid(pipeline.Violation{Rule: "names", Message: "has too many elements with long paths"})
		}
	}
	target := v
	if v.CanAddr() {
		target = v.Addr() // avoids a copy
	}
	found, err := c.pipe.run(ctx, v.Type(), target.Interface())
	if err != nil {
		return err
	}
	for _, f := range found {
		if len(c.found) == maxViolations {
			c.truncated = true
			return nil
		}
		c.add(v, steps, f)
	}
	return nil
}

func (c *collector) add(v reflect.Value, steps []step, f validator.FieldError) {
	at := resolveNamespace(v, f.StructNamespace())
	if at.hidden {
		if c.hidden == nil {
			c.hidden = fmt.Errorf("validate: %s of %v: breaks the rule %q, but clients cannot send it: set it before validation or remove the rule",
				f.StructField(), v.Type(), f.Tag())
		}
		return
	}
	violation := describe(f, at, v)
	path := make([]string, 0, len(steps)+len(at.path))
	for _, s := range steps {
		path = append(path, s.String())
	}
	violation.Field = joinPath(append(path, at.path...))
	if c.pipe.messages != nil {
		if text := c.pipe.messages(violation); text != "" {
			violation.Message = text
		}
	}
	c.found = append(c.found, violation)
}

func (c *collector) result() error {
	if len(c.found) == 0 {
		return c.hidden
	}
	e := pipeline.Invalid(c.found...)
	if c.truncated {
		e.Message += "; and more"
	}
	return e
}
