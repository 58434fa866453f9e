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

// Pipe is a [pipeline.Pipe] that validates structs by their tags. Create one with
// [New] for the whole application: it caches an analysis of each type. It is safe for
// concurrent use.
type Pipe struct {
	engine       *validator.Validate
	customEngine bool            // set with Engine
	customRules  map[string]bool // names of rules added with Rule
	messages     func(pipeline.Violation) string
	err          error    // of the options
	plans        sync.Map // reflect.Type → *plan
}

var _ pipeline.TypePipe = (*Pipe)(nil)

// plan is the cached analysis of a type.
type plan struct {
	hasStructs     bool  // its values may contain structs to check
	unboundedPaths bool  // see [Pipe.unboundedPaths]
	err            error // invalid tags
}

// New returns a pipe. It can be used as a constructor:
//
//	app.UsePipes(validate.New)
//
// [Pipe.CheckType] and [Pipe.Transform] return the error of invalid options.
func New(opts ...Option) *Pipe {
	var c config
	for _, o := range opts {
		if o != nil {
			o(&c)
		}
	}
	p := &Pipe{engine: c.engine, customEngine: c.engine != nil, customRules: map[string]bool{}, messages: c.messages}
	if p.engine == nil {
		p.engine = validator.New(validator.WithRequiredStructEnabled())
	}
	for _, r := range c.rules {
		p.customRules[r.name] = true
	}
	p.err = addRules(p.engine, c.rules)
	return p
}

// Transform implements [pipeline.Pipe]. It checks the struct that payload points to,
// and structs in a slice, array, map or interface other than any. It accepts anything
// else, and nil pointers.
//
// The error of an invalid payload is that of [pipeline.Invalid], with at most 50
// violations. A payload with very many elements under very long or deep paths is
// rejected as a whole. Two errors are internal, so the client does not see them:
// invalid tags, for every payload of the type; and a field that breaks a rule but is
// not on the wire (`json:"-"`), if nothing else is invalid.
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

// CheckType implements [pipeline.TypePipe]. It reports invalid tags of a payload type and
// of the types of its fields: unknown rules, rules that do not apply to the field's type,
// invalid parameters and references to missing fields. The start calls it for the types of
// all handlers. Errors that only occur when a rule runs are returned by [Pipe.Transform].
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
		hasStructs:     containsStruct(t, map[reflect.Type]bool{}),
		unboundedPaths: p.unboundedPaths(t, map[reflect.Type]bool{}),
		err:            p.checkTags(t),
	})
	return made.(*plan)
}

// containsStruct reports whether values of the type may contain structs. An any holds
// only decoded maps and lists.
func containsStruct(t reflect.Type, seen map[reflect.Type]bool) bool {
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
		return containsStruct(t.Elem(), seen)
	default:
		return false
	}
}

var timeType = reflect.TypeFor[time.Time]()

// isTime reports whether the library treats t as a time and not as a struct.
func isTime(t reflect.Type) bool { return t.ConvertibleTo(timeType) }

// run validates one struct; target is the struct or a pointer to it.
func (p *Pipe) run(ctx context.Context, t reflect.Type, target any) (found validator.ValidationErrors, err error) {
	defer func() {
		if v := recover(); v != nil {
			found, err = nil, ruleError(t, v)
		}
	}()
	err = p.engine.StructCtx(ctx, target)
	if found, ok := errors.AsType[validator.ValidationErrors](err); ok {
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("validate: cannot check %v: %w", t, err)
	}
	return nil, nil
}

// ruleError returns the error for a rule that panicked. The library panics with a
// string if a tag is invalid; any other value is a bug, so the stack is included.
func ruleError(t reflect.Type, v any) error {
	if text, ok := v.(string); ok {
		return fmt.Errorf("validate: rule of %v failed: %s: correct its tags", t, text)
	}
	if err, ok := v.(error); ok {
		return fmt.Errorf("validate: rule of %v panicked: %w\n%s", t, err, debug.Stack())
	}
	return fmt.Errorf("validate: rule of %v panicked: %v\n%s", t, v, debug.Stack())
}
