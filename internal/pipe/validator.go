package pipe

import (
	"errors"
	"net/http"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Validator returns a function that calls the Validate method of a payload; nil when T
// has none. Errors other than a [pipeline.Error] become a 400 with their text.
func Validator[T any]() func(*T) error {
	type validator interface{ Validate() error }
	if _, ok := any((*T)(nil)).(validator); ok {
		return func(p *T) error { return badPayload(any(p).(validator).Validate()) }
	}
	// T may be a pointer or an interface with the method.
	var zero T
	if _, ok := any(zero).(validator); ok {
		return func(p *T) error {
			v, ok := any(*p).(validator)
			if !ok || any(*p) == any(zero) { // the payload was null
				return nil
			}
			return badPayload(v.Validate())
		}
	}
	return nil
}

// badPayload makes an error of a Validate method visible to the client.
func badPayload(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*pipeline.Error](err); ok {
		return err
	}
	return &pipeline.Error{
		Message: "Bad payload: " + err.Error(), Code: pipeline.CodeBadPayload, Status: http.StatusBadRequest, Err: err,
	}
}
