package web

import (
	"reflect"
	"strconv"

	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/internal/scalar"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// setter sets a field from the values of the parameter name. It returns an error for the client.
type setter func(dst reflect.Value, name string, values []string) *pipeline.Error

// setterOf returns the function that sets a field from the values of a parameter; nil if the
// type is not supported.
func setterOf(t reflect.Type, source string) setter {
	if one := scalar.Of(t); one != nil {
		return func(dst reflect.Value, name string, values []string) *pipeline.Error {
			if len(values) > 1 && source == fromQuery {
				return invalid(name, "must not be repeated")
			}
			if err := one(dst, values[0]); err != nil {
				return decodeerr.Text(name, t, values[0], err)
			}
			return nil
		}
	}
	if t.Kind() != reflect.Slice || source == fromPath || t.Elem().Kind() == reflect.Uint8 {
		return nil
	}
	one := scalar.Of(t.Elem())
	if one == nil {
		return nil
	}
	return func(dst reflect.Value, name string, values []string) *pipeline.Error {
		out := reflect.MakeSlice(t, len(values), len(values))
		for i, v := range values {
			if err := one(out.Index(i), v); err != nil {
				return decodeerr.Text(name+"."+strconv.Itoa(i), t.Elem(), v, err)
			}
		}
		dst.Set(out)
		return nil
	}
}

func invalid(name, message string) *pipeline.Error {
	return pipeline.Invalid(pipeline.Violation{Field: name, Rule: "type", Message: message})
}
