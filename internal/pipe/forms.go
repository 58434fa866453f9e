package pipe

import (
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/hookform"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// optionalMethods are the methods that a value of a role may have.
var optionalMethods = map[Role][]hookform.Hook{
	Guard: {
		hookform.Of[pipeline.HandshakeGuard]("CheckHandshake", "(ctx context.Context, c *pipeline.Call) error"),
		hookform.Of[pipeline.IdentityGuard]("Identifies", "() bool"),
		hookform.Of[pipeline.IdentityReader]("ReadsIdentity", "() bool"),
		hookform.Of[pipeline.Secured]("Schemes", "() []pipeline.Scheme"),
	},
	Pipe: {
		hookform.Of[pipeline.TypePipe]("CheckType", "(t reflect.Type) error"),
	},
	Interceptor: {
		hookform.Of[pipeline.ItemInterceptor]("InterceptItem", "(ctx context.Context, c *pipeline.Call, item any) (any, error)"),
		hookform.Of[pipeline.DenialInterceptor]("InterceptDenial", "(ctx context.Context, c *pipeline.Call, err error) error"),
		hookform.Of[pipeline.EmitInterceptor]("InterceptEmit", "(e *pipeline.Emission, next func() error) error"),
		hookform.Of[pipeline.OutcomeInterceptor]("Outcome", "(ctx context.Context, c *pipeline.Call, o pipeline.Outcome)"),
	},
}

// WrongForms returns the methods of a type that have the name of an optional method of its roles
// and another form.
func WrongForms(role Role, t reflect.Type) (all []hookform.Mistake) {
	if t == nil || t.Kind() == reflect.Interface {
		return nil
	}
	for _, r := range []Role{Guard, Interceptor, Pipe} {
		if (role == r || role == Any) && r.implementedBy(t) {
			all = append(all, hookform.Check(t, optionalMethods[r])...)
		}
	}
	return all
}

// wrongForm returns the first of WrongForms as the problem of an item.
func wrongForm(role Role, t reflect.Type) string {
	if all := WrongForms(role, t); len(all) > 0 {
		return all[0].String()
	}
	return ""
}

// Mistakes returns what can be found wrong with the result of a bound constructor only when the
// module has been resolved: the type of a [module.Provider].
func (it *Item) Mistakes(result reflect.Type) (all []hookform.Mistake) {
	if !isProvider(it.ctor) {
		return nil
	}
	return WrongForms(it.role, result)
}
