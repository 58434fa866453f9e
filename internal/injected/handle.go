package injected

import (
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// Handle describes a parameter type that stands for what a provider builds, without a
// dependency on it: websockets.ServerOf.
type Handle struct {
	// Type is the type under which the provider can be injected.
	Type reflect.Type
	// New returns a value of the parameter type, and the function that binds it to what stands
	// behind it.
	New func() (v any, bind func(any))
}

// Handled is implemented by the parameter types. The method is called of the zero value.
type Handled interface {
	Handle(seal.Framework) Handle
}

// Mark is a mark of the providers that a Handle may stand for.
type Mark interface {
	// Instead returns the parameter type that stands for a provider of type t, for messages.
	Instead(t string) string
}
