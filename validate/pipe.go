package validate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Pipe is a [pipeline.Pipe] that checks structs by their tags. Make one with [New],
// for the whole application: what it learned about a type it keeps. It is safe for
// concurrent use.
type Pipe struct {
	engine   *validator.Validate
	foreign  bool            // engine is the user's, and does what the user likes
	own      map[string]bool // rules of the user's
	messages func(pipeline.Violation) string
	err      error    // of the options
	plans    sync.Map // reflect.Type → *plan
}

// plan is what the pipe knows about a type.
type plan struct {
	looked  bool  // values of it are looked at
	winding bool  // see [winding]
	err     error // a mistake in the tags
}

// New makes a pipe. It is a constructor as it is:
//
//	app.UsePipes(validate.New)
//
// A mistake in the options is returned by [Pipe.CheckType] and for each payload.
func New(opts ...Option) *Pipe {
	var c config
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	p := &Pipe{engine: c.engine, foreign: c.engine != nil, own: map[string]bool{}, messages: c.messages}
	if p.engine == nil {
		p.engine = validator.New(validator.WithRequiredStructEnabled())
	}
	for _, r := range c.rules {
		p.own[r.name] = true
	}
	p.err = addRules(p.engine, c.rules)
	return p
}

// Transform implements [pipeline.Pipe]. It looks at the struct that payload points
// to, and at the structs in a slice, array, map or interface other than any. Anything
// else passes, and so does a nil pointer.
//
// The error of a payload that breaks rules is that of [pipeline.Invalid], with at most
// 50 violations. One with a great many elements under very long or deep names is
// refused as a whole. A mistake in the tags is an error that the client does not see, for
// every payload of the type, and so is a field that breaks a rule but is not on the
// wire (`json:"-"`), when nothing else is wrong.
func (p *Pipe) Transform(ctx context.Context, _ *pipeline.Call, payload any) error {
	if p.err != nil {
		return p.err
	}
	if payload == nil {
		return nil
	}
	v := reflect.ValueOf(payload)
	c := collector{pipe: p}
	if err := c.visit(ctx, v, nil); err != nil {
		return err
	}
	return c.result()
}

// CheckType finds mistakes in the tags of a payload's type before there is a payload,
// in the types of its fields too: rules that do not exist, do not suit the field's
// type, have a parameter that is none, or name a field that does not exist. Without
// it, they are found with the first payload of the type. nil means that none was found;
// what is only known when a rule runs stays an error of [Pipe.Transform].
//
//	func TestTags(t *testing.T) {
//		if err := validate.New().CheckType(reflect.TypeFor[Message]()); err != nil {
//			t.Error(err)
//		}
//	}
func (p *Pipe) CheckType(t reflect.Type) error {
	if p.err != nil {
		return p.err
	}
	if t == nil {
		return nil
	}
	return p.plan(t).err
}

func (p *Pipe) plan(t reflect.Type) *plan {
	if known, ok := p.plans.Load(t); ok {
		return known.(*plan)
	}
	made, _ := p.plans.LoadOrStore(t, &plan{
		looked:  looked(t, map[reflect.Type]bool{}),
		winding: p.winding(t, map[reflect.Type]bool{}),
		err:     p.mistakes(t),
	})
	return made.(*plan)
}

// looked reports whether there may be structs in values of the type. What is in an
// any has been decoded into maps and lists.
func looked(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Struct:
		return !isTime(t)
	case reflect.Interface:
		return t.NumMethod() > 0
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return looked(t.Elem(), seen)
	default:
		return false
	}
}

var timeType = reflect.TypeFor[time.Time]()

// isTime reports what the library takes for a time, and not for a struct.
func isTime(t reflect.Type) bool { return t.ConvertibleTo(timeType) }

// run checks one struct; target is it, or a pointer to it.
func (p *Pipe) run(ctx context.Context, t reflect.Type, target any) (found validator.ValidationErrors, err error) {
	defer func() {
		if v := recover(); v != nil {
			found, err = nil, panicked(t, v)
		}
	}()
	err = p.engine.StructCtx(ctx, target)
	if found, ok := errors.AsType[validator.ValidationErrors](err); ok {
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("validate: %v cannot be checked: %w", t, err)
	}
	return nil, nil
}

// panicked is the error of a rule that panicked. The library does with a text, when a
// tag is wrong; anything else is a fault that has to be looked for.
func panicked(t reflect.Type, v any) error {
	if text, ok := v.(string); ok {
		return fmt.Errorf("validate: a rule of %v does not work: %s; correct its tags", t, text)
	}
	if err, ok := v.(error); ok {
		return fmt.Errorf("validate: a rule of %v panicked: %w\n%s", t, err, debug.Stack())
	}
	return fmt.Errorf("validate: a rule of %v panicked: %v\n%s", t, v, debug.Stack())
}
