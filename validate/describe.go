package validate

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// describe returns the violation without its Field. f.Tag() is the rule as written in
// the tag: its name, an alias, or alternatives separated by |. f.ActualTag() is the
// rule that an alias stands for.
func describe(f validator.FieldError, at fieldPath, top reflect.Value) pipeline.Violation {
	names, params := alternatives(f.Tag())
	v := pipeline.Violation{Rule: strings.Join(names, "|")}
	u := unitOf(f.Kind(), f.Type())
	if len(names) > 1 {
		v.Message = alternativesMessage(names, params, u, at, top)
		return v
	}
	rule := f.ActualTag()
	if !strings.Contains(rule, "|") {
		v.Param = wireParam(rule, f.Param(), at, top)
	}
	if v.Message = message(f.Tag(), v.Param, u); v.Message == "" {
		v.Message = message(rule, v.Param, u)
	}
	if v.Message == "" {
		v.Message = "breaks the rule " + v.Rule
	}
	return v
}

// alternatives splits a|b=1 into names and parameters.
func alternatives(tag string) (names, params []string) {
	for part := range strings.SplitSeq(tag, "|") {
		name, param, _ := strings.Cut(part, "=")
		names, params = append(names, name), append(params, param)
	}
	return names, params
}

func alternativesMessage(names, params []string, u unit, at fieldPath, top reflect.Value) string {
	texts := make([]string, len(names))
	for i, name := range names {
		if texts[i] = message(name, wireParam(name, params[i], at, top), u); texts[i] == "" {
			return "breaks the rule " + strings.Join(names, "|")
		}
	}
	return strings.Join(texts, ", or ")
}

// Kinds of parameters that name other fields.
const (
	oneField   = iota + 1 // one field of the same struct
	fromTop               // one field, path from the outermost struct
	fieldList             // several fields of the same struct
	fieldPairs            // pairs of a field and a value
	ofElement             // one field of the list's elements
	method                // a Go method
)

var references = map[string]int{
	"eqfield": oneField, "nefield": oneField, "gtfield": oneField, "gtefield": oneField,
	"ltfield": oneField, "ltefield": oneField, "fieldcontains": oneField, "fieldexcludes": oneField,
	"postcode_iso3166_alpha2_field": oneField,

	"eqcsfield": fromTop, "necsfield": fromTop, "gtcsfield": fromTop, "gtecsfield": fromTop,
	"ltcsfield": fromTop, "ltecsfield": fromTop,

	"required_with": fieldList, "required_with_all": fieldList,
	"required_without": fieldList, "required_without_all": fieldList,
	"excluded_with": fieldList, "excluded_with_all": fieldList,
	"excluded_without": fieldList, "excluded_without_all": fieldList,

	"required_if": fieldPairs, "required_unless": fieldPairs, "skip_unless": fieldPairs,
	"excluded_if": fieldPairs, "excluded_unless": fieldPairs,

	"unique": ofElement, "validateFn": method,
}

// wireParam returns the parameter with wire names in place of Go field names, or ""
// if one of the fields has no wire name.
func wireParam(rule, param string, at fieldPath, top reflect.Value) string {
	if param == "" {
		return ""
	}
	switch references[rule] {
	case oneField:
		return wireName(at.owner, param)
	case fromTop:
		return wireName(top.Type(), param)
	case fieldList, fieldPairs:
		parts := splitParam(param)
		for i, name := range parts {
			if references[rule] == fieldPairs && i%2 == 1 {
				continue // a value
			}
			if parts[i] = wireName(at.owner, strings.ReplaceAll(name, "'", "")); parts[i] == "" {
				return ""
			}
		}
		return strings.Join(parts, " ")
	case ofElement:
		if t := elementOf(at.typ); t != nil {
			return wireName(t, param)
		}
		return ""
	case method:
		return ""
	default:
		return param
	}
}

// wireName converts a path of Go field names, relative to the struct t, to wire
// names. It returns "" if it cannot be resolved or is not on the wire.
func wireName(t reflect.Type, path string) string {
	if t == nil {
		return ""
	}
	p := resolvePath(t, reflect.Value{}, path)
	if p.unresolved != "" || p.typ == nil || p.hidden {
		return ""
	}
	return joinPath(p.path)
}

func elementOf(t reflect.Type) reflect.Type {
	if t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return indirect(t.Elem())
	default:
		return nil
	}
}

var paramParts = regexp.MustCompile(`'[^']*'|\S+`)

// splitParam splits at spaces outside single quotes.
func splitParam(param string) []string { return paramParts.FindAllString(param, -1) }
