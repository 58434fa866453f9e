package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/gateway"
	"github.com/gatehouse-go/gatehouse/internal/hookform"
	"github.com/gatehouse-go/gatehouse/internal/place"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// callerPlace returns where the function that calls it was called.
func callerPlace() place.Position { return place.Caller(1) }

// problemf returns a function that notes what is wrong with an option.
func (c *config) problemf(at place.Position, option string, args ...any) func(text string) {
	return func(text string) {
		c.problems = append(c.problems, optionProblem(at, fmt.Sprintf(option, args...), text))
	}
}

// optionProblem returns a problem of an option that was made at a place.
func optionProblem(at place.Position, option, text string) module.Problem {
	return module.Problem{
		Kind: module.ProblemOption, Place: at.String(), File: at.File(),
		Message: fmt.Sprintf("app: %s (%s): %s", option, at, text),
	}
}

// addressProblem returns what is wrong with the address of the HTTP server; "" for nothing.
func addressProblem(addr string) string {
	const hint = `write a port such as ":3000", or "127.0.0.1:0" for a free one`
	if addr == "" {
		return "the address is empty, which would be a random port on all interfaces: " + hint
	}
	_, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil:
		return "must be host:port: " + hint
	case port == "":
		return "the port is missing, which would be a random one: " + hint
	}
	if _, err := net.DefaultResolver.LookupPort(context.Background(), "tcp", port); err != nil {
		return fmt.Sprintf("the port %q is neither a number from 0 to 65535 nor the name of a service: %s", port, hint)
	}
	return ""
}

// resolve resolves the modules, with the providers of the framework. The error is a
// *[module.Error] with all problems of modules, options, controllers and, unless the
// application lacks what they depend on, gateways.
func (c *config) resolve(root *module.Module, partial bool) (*module.Graph, error) {
	opts := []module.ResolveOption{module.Provide(module.Value(c.log), module.Value(c.control)), module.Check(func(g *module.Graph) []module.Problem {
		return c.check(g, partial)
	})}
	if items := slices.Concat(c.binding.Constructors(), web.Constructors(c.web), c.constructors()); len(items) > 0 {
		opts = append(opts, module.AttachToRoot(items...))
	}
	g, err := module.Resolve(root, append(opts, c.resolveOptions...)...)
	all := c.problems
	if wiring, ok := errors.AsType[*module.Error](err); ok {
		all = slices.Concat(wiring.Problems, all)
	}
	if len(all) > 0 {
		return nil, &module.Error{Problems: all}
	}
	return g, err
}

// check returns what is wrong with the declarations of a graph, before anything is built.
func (c *config) check(g *module.Graph, partial bool) []module.Problem {
	decls := slices.Collect(g.Declared())
	cfg := c.bindConfig()
	cfg.Partial = partial || c.pending()
	return slices.Concat(
		typeProblems(decls, nil),
		c.located(decls, module.ProblemController, web.Check(g, c.webOptions())),
		c.located(decls, module.ProblemGateway, gateway.Check(g, cfg)),
	)
}

// typeProblems returns what is wrong with the types of declarations. values are what they have
// built; nil before that.
func typeProblems(decls []module.Declaration, values []any) (all []module.Problem) {
	for _, d := range decls {
		if d.Type == nil || d.Type.Kind() == reflect.Interface {
			continue
		}
		for _, m := range hookform.Check(d.Type, hookForms) {
			all = append(all, d.Problem(module.ProblemHook, m.Text, m.Hint))
		}
	}
	return slices.Concat(all, globalProblems(decls, values != nil), gateway.Unregistered(decls, values))
}

// builtProblems returns what typeProblems finds in what has been built, where declarations have
// interface types.
func builtProblems(g *module.Graph) []module.Problem {
	decls := slices.Collect(g.Declared())
	var values []any
	for inst := range g.Instances() {
		if d := &decls[len(values)]; d.Type.Kind() == reflect.Interface {
			d.Type = reflect.TypeOf(inst.Value) // nil for a nil interface
		}
		values = append(values, inst.Value)
	}
	return typeProblems(decls, values)
}

// located converts the errors of packages web and gateway into problems, each with the
// declaration that it names first.
func (c *config) located(decls []module.Declaration, kind module.ProblemKind, err error) (all []module.Problem) {
	if e, ok := errors.AsType[*gateway.BindError](err); ok {
		for _, text := range e.Problems {
			all = append(all, locate(decls, kind, "websockets: "+text))
		}
	}
	e, ok := errors.AsType[*web.BindError](err)
	if !ok {
		return all
	}
	const options = "the application's options: "
	for _, text := range e.Problems {
		p := locate(decls, kind, "web: "+text)
		if rest, ok := strings.CutPrefix(text, options); ok && c.webAt != (place.Position{}) {
			p = optionProblem(c.webAt, "options of controllers", rest)
			p.Kind = kind
		}
		all = append(all, p)
	}
	return all
}

// locate returns the problem of a message.
func locate(decls []module.Declaration, kind module.ProblemKind, message string) module.Problem {
	p, first := module.Problem{Kind: kind, Message: message}, len(message)
	for _, d := range decls {
		if at := strings.Index(message, d.String()); at >= 0 && at < first {
			first = at
			p.Module, p.Constructor, p.Place, p.File = d.Module, d.Name, d.Place, d.File
		}
	}
	return p
}
