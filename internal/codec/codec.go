// Package codec decodes and encodes JSON by plans: what a Go type needs is found once, when its handler is registered, and
// not for each message.
//
// The results are those of github.com/go-json-experiment/json with [json.MatchCaseInsensitiveNames], byte by byte and
// error by error, with these differences:
//
//   - Half a surrogate pair ("\ud83d") is decoded as U+FFFD, as by encoding/json and JavaScript's TextEncoder, unless
//     [Options].Strict is set. Invalid UTF-8 in Go strings is encoded as U+FFFD.
//   - [Options].Budget bounds the memory of decoded elements.
//   - With [Options].Attachments objects stand for binary.
//
// A plan knows the common types. Others are leaves of the plan, which the library decodes and encodes: structs with the tag
// options string, format, case, embed and inline or with conflicting names, maps whose keys are not strings, interfaces other
// than any, and types with methods that read or write tokens; docs/architecture.md has the list. A plan reports only that it cannot go on; the error is then that
// of the library, which decodes the same input again. Input with errors is rare, and the messages are equal.
package codec

import (
	"errors"
	"reflect"
	"sync"
)

// Options of one decode.
type Options struct {
	// Strict refuses names that a struct does not have, and half surrogate pairs.
	Strict bool
	// Budget is how many bytes the elements that are decoded may have: of slices and maps, and what pointers point to, each
	// with the size of its Go type, without the text of strings. 0 is DefaultBudget, or 16 times the input if that is more.
	Budget int
	// Attachments are the binary parts of the input. An object {"_placeholder":true,"num":n} in it becomes the n-th of them, not
	// a copy, in []byte, byte arrays and any, and an error where the type cannot hold it. Without attachments it is data.
	Attachments [][]byte
}

// DefaultBudget is the smallest default of [Options].Budget.
const DefaultBudget = 16 << 20

// BudgetFactor is how many bytes of decoded elements there may be for each byte of the largest message.
const BudgetFactor = 16

// ErrBudget is the error of input whose elements need more memory than [Options].Budget.
var ErrBudget = errors.New("codec: the elements need more memory than the budget")

// Decoder decodes JSON into values of one type. It is safe for concurrent use.
type Decoder struct {
	root    *node
	pointer reflect.Type // to the type
}

// Encoder encodes values of one type. It is safe for concurrent use.
type Encoder struct{ root *node }

// DecoderOf returns the decoder of a type, which is made once. The error says why values of the type cannot be decoded;
// with it the decoder works as far as the input does not need what is wrong.
func DecoderOf(t reflect.Type) (*Decoder, error) {
	return &planOf(t).decoder, problem(t, false)
}

// EncoderOf returns the encoder of a type, which is made once. The error says why values of the type cannot be encoded;
// with it the encoder works as far as the value does not need what is wrong.
func EncoderOf(t reflect.Type) (*Encoder, error) {
	return &planOf(t).encoder, problem(t, true)
}

func problem(t reflect.Type, sent bool) error {
	if p := Problem(t, sent); p != "" {
		return errors.New(p)
	}
	return nil
}

// plan is what is kept of a type.
type plan struct {
	node    *node
	decoder Decoder
	encoder Encoder
}

// plans has the plans by type; their number is that of the program's types.
var plans sync.Map

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	n := newNode(t)
	p, _ := plans.LoadOrStore(t, &plan{n, Decoder{n, reflect.PointerTo(t)}, Encoder{n}})
	return p.(*plan)
}
