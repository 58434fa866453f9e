package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/codec"
)

// ValueOption is an option of [NewValue].
type ValueOption func(*valueOptions)

type valueOptions struct{ shared bool }

// Shared has the value of a client travel: other nodes of the application read it with
// [Value.Of], under the name of the Value. Gateways declare it with websockets.Shares. Its type
// needs a form in JSON; what is stored must not change afterwards, since it is encoded at any
// time.
func Shared() ValueOption { return func(o *valueOptions) { o.shared = true } }

// SharedValues are the shared values of a client of any node, as JSON under their names.
type SharedValues map[string]json.RawMessage

// Of returns the value of a client of any node, and whether it is set and fits the type.
func (k *Value[T]) Of(s SharedValues) (T, bool) {
	var v, zero T
	text, ok := s[k.name]
	if !ok || codec.Unmarshal(text, &v, codec.Options{}) != nil {
		return zero, false
	}
	return v, true
}

// SharedKey is a [Value] with the option [Shared].
type SharedKey interface {
	// String returns the name.
	String() string
	// Type returns the type of the value.
	Type() reflect.Type
	// IsShared reports whether it has the option Shared.
	IsShared() bool
}

// Type returns the type of the value.
func (k *Value[T]) Type() reflect.Type { return reflect.TypeFor[T]() }

// IsShared reports whether it has the option [Shared].
func (k *Value[T]) IsShared() bool { return k.options.shared }

// Share returns the shared values of a client that include accepts; nil without any. The error
// has those that do not encode, which are left out. The framework calls it.
func Share(h Holder, include func(SharedKey) bool) (SharedValues, error) {
	var out SharedValues
	var errs []error
	for k, v := range keyed[SharedKey](h.Values()) {
		if !k.IsShared() || !include(k) {
			continue
		}
		text, err := encodeShared(v)
		if err != nil {
			errs = append(errs, fmt.Errorf("shared value %q: %w", k, err))
			continue
		}
		if out == nil {
			out = SharedValues{}
		}
		out[k.String()] = text
	}
	return out, errors.Join(errs...)
}

// RestoreShared sets the values of keys that a client had on another node, except those that are set. The error has those
// that do not fit their types, which are left out. The framework calls it.
func RestoreShared(h Holder, keys []SharedKey, from SharedValues) error {
	var errs []error
	for _, k := range keys {
		text, has := from[k.String()]
		r, can := k.(interface {
			restore(v *Values, text []byte) error
		})
		if !has || !can {
			continue
		}
		if err := r.restore(h.Values(), text); err != nil {
			errs = append(errs, fmt.Errorf("shared value %q: %w", k, err))
		}
	}
	return errors.Join(errs...)
}

// restore sets the value that text encodes, unless one is set.
func (k *Value[T]) restore(values *Values, text []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var v T
	if err := codec.Unmarshal(text, &v, codec.Options{}); err != nil {
		return err
	}
	values.loadOrStore(k, v)
	return nil
}

// encodeShared encodes a value; a panic of its methods is an error.
func encodeShared(v any) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return codec.Append(nil, v)
}
