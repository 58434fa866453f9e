// Package injected holds what package module knows of parameters and items of other packages:
// the item that pipeline.Injected returns, constructors of package config, and handles such as websockets.ServerOf. Package pipe
// binds what an item resolves to.
package injected

import (
	"fmt"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/place"
)

// Item binds the instance of a type that a module sees.
type Item struct {
	typ reflect.Type
	at  place.Position
}

// Constructor is a constructor that a function of the framework has made: messages name that function, and where the
// application has called it.
type Constructor struct {
	Func any
	Name string // config.Module[*chat.Config]
	At   place.Position
}

// New returns the item for a type, and the place that messages name.
func New(t reflect.Type, at place.Position) Item { return Item{t, at} }

// Type returns the type, nil for the zero Item.
func (i Item) Type() reflect.Type { return i.typ }

// Place returns where pipeline.Injected was called.
func (i Item) Place() place.Position { return i.at }

// String returns the item in the form of messages: Injected[*auth.Guard] (chat/chat.go:14).
func (i Item) String() string {
	return fmt.Sprintf("Injected[%v] (%s)", i.typ, i.at)
}
