package web

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// RouteInfo describes a route.
type RouteInfo struct {
	// Method is the method; "" for any.
	Method string
	// Pattern is the full pattern: "/api/v1/rooms/{room}".
	Pattern string
	// Controller is the constructor of the controller: rooms.NewController.
	Controller string
	// Func is the name of the handler function: example.com/rooms.(*Controller).list. It is
	// empty for handlers that are no functions.
	Func string
	// In and Out are the types of a [JSON] handler; nil for other handlers.
	In, Out reflect.Type
	// Status is the status of a successful response of a [JSON] handler; 0 for other handlers.
	// A route for any method answers POST with 201 if its Status is 200.
	Status int
	// Params are the fields of In with the tags path, query and header.
	Params []ParamInfo
	// Body reports whether a [JSON] handler decodes the request's body.
	Body bool
	// Errors are those of the option [Errors].
	Errors []*Error
	// Meta is the metadata of the route, by [Use] and [ForRoute].
	Meta pipeline.Metadata
	// Security is what a request needs: of the guards of the application, the controller and the
	// route, those that read a credential. See [pipeline.Secured].
	Security []pipeline.Security
}

// ParamInfo describes a parameter of a route.
type ParamInfo struct {
	// Name is the name in the request, In where it is: "path", "query" or "header".
	Name, In string
	// Type is the type of the field.
	Type reflect.Type
	// Required reports whether every request has the parameter, which is so in paths. A field
	// without its query parameter or header keeps its zero value.
	Required bool
}

// String returns "GET /rooms/{room} (rooms.NewController)".
func (i RouteInfo) String() string {
	return strings.TrimPrefix(i.Method+" "+i.Pattern, " ") + " (" + i.Controller + ")"
}

// Errors lists the errors that a [JSON] handler may answer, for [RouteInfo]. It does not limit
// what the handler returns.
//
//	var errNoRoom = &web.Error{Status: http.StatusNotFound, Message: "No such room", Code: "no_room"}
//
//	r.Get("/{room}", web.JSON(c.show, web.Errors(errNoRoom)))
func Errors(errs ...*Error) JSONOption {
	return jsonOption(func(t *jsonHandler) {
		for i, e := range errs {
			if e == nil {
				t.problemf("Errors: error %d is nil: pass a *web.Error", i+1)
				continue
			}
			t.errors = append(t.errors, e)
		}
	})
}

// describe sets what the handler says about a route.
func (t *jsonHandler) describe(i *RouteInfo) {
	i.In, i.Out, i.Errors, i.Status = t.in, t.out, slices.Clone(t.errors), t.statusFor(i.Method)
	if t.empty && t.status == 0 {
		i.Status = http.StatusNoContent
	}
	if t.plan == nil {
		return
	}
	i.Body = t.plan.body && i.Method != http.MethodGet && i.Method != http.MethodHead
	for _, p := range t.plan.params {
		i.Params = append(i.Params, ParamInfo{p.name, p.source, t.in.FieldByIndex(p.index).Type, p.source == fromPath})
	}
}
