// Package injected holds what package module knows of parameters and items of other packages:
// the item that pipeline.Injected returns, and handles such as websockets.ServerOf. Package pipe
// binds what an item resolves to.
package injected

import (
	"fmt"
	"path/filepath"
	"reflect"
)

// Item binds the instance of a type that a module sees.
type Item struct {
	typ  reflect.Type
	file string
	line int
}

// New returns the item for a type, and the place that messages name.
func New(t reflect.Type, file string, line int) Item { return Item{t, file, line} }

// Type returns the type, nil for the zero Item.
func (i Item) Type() reflect.Type { return i.typ }

// Place returns the file and line of the call of pipeline.Injected.
func (i Item) Place() (file string, line int) { return i.file, i.line }

// String returns the item in the form of messages: Injected[*auth.Guard] (chat.go:14).
func (i Item) String() string {
	return fmt.Sprintf("Injected[%v] (%s:%d)", i.typ, filepath.Base(i.file), i.line)
}
