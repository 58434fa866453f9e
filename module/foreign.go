package module

import (
	"fmt"
	"reflect"
	"strings"

	"go.uber.org/fx"
)

// annotatedType is the type of fx.Annotate, which fx does not export.
var annotatedType = reflect.TypeOf(fx.Annotate(func() int { return 0 }))

// annotated returns the provider for a result of fx.Annotate, which is invalid. The hint has what to
// write in place of each annotation.
func annotated(it any) Provider {
	v := reflect.ValueOf(it)
	has := func(field string) bool {
		f := v.FieldByName(field)
		return f.IsValid() && f.Len() > 0
	}
	name := "NewService"
	if f := v.FieldByName("Target"); f.IsValid() && f.Kind() == reflect.Interface && f.Elem().Kind() == reflect.Func && !f.Elem().IsNil() {
		_, name, _ = funcName(f.Elem())
	}
	var parts []string
	if has("As") {
		parts = append(parts, fmt.Sprintf("module.As[I](%s) in place of fx.As", name))
	}
	if has("ResultTags") {
		parts = append(parts, fmt.Sprintf("module.Named(%q, %s) in place of fx.ResultTags", "name", name))
	}
	if has("ParamTags") || has("From") {
		parts = append(parts, "a parameter struct that embeds fx.In in place of fx.ParamTags and fx.From")
	}
	if has("Hooks") {
		parts = append(parts, "the methods OnModuleInit and OnApplicationShutdown in place of fx.OnStart and fx.OnStop")
	}
	hint := "list " + name + " itself"
	if len(parts) > 0 {
		hint = "write " + strings.Join(parts, ", and ")
	}
	return invalidProvider("is fx.Annotate("+name+", …), which only fx.Provide accepts", hint)
}

// foreignForm returns what is wrong with a value of a package that connects constructors in
// another way, and what to write; "" for other values.
func foreignForm(t reflect.Type) (problem, hint string) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "", ""
	}
	return foreignName(t.PkgPath(), t.Name())
}

func foreignName(pkg, name string) (problem, hint string) {
	switch pkg {
	case "go.uber.org/fx":
		return "is an fx." + name + ", which only package fx accepts", "remove it; what module.Providers lists is private, and module.Exports lists the rest"
	case "github.com/google/wire":
	default:
		return "", ""
	}
	problem = "is a wire." + name + ", from which wire generates code"
	switch name {
	case "ProviderSet":
		return problem, "list the constructors of the set, or a module with them in module.Imports"
	case "Binding":
		return problem, "write module.As[I](NewService) in place of wire.Bind"
	case "ProvidedValue":
		return problem, "write module.Value in place of wire.Value and wire.InterfaceValue"
	}
	return problem, "write a constructor that returns the value"
}

// isCleanup reports whether a result is the cleanup function of a constructor in the style of
// wire: func() or the like, without a name.
func isCleanup(t reflect.Type) bool {
	if t.Kind() != reflect.Func || t.Name() != "" || t.IsVariadic() {
		return false
	}
	in := t.NumIn() == 0 || t.NumIn() == 1 && t.In(0).String() == "context.Context"
	out := t.NumOut() == 0 || t.NumOut() == 1 && t.Out(0) == errorType
	return in && out
}
