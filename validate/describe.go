package validate

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// describe makes the violation, without its Field. The library tells of a rule with
// its name in the tag, which may be an alias or several with | between, and of what
// stands behind the alias.
func describe(f validator.FieldError, at place, top reflect.Value) pipeline.Violation {
	names, params := alternatives(f.Tag())
	v := pipeline.Violation{Rule: strings.Join(names, "|")}
	u := unitOf(f.Kind(), f.Type())
	if len(names) > 1 {
		v.Message = eitherWords(names, params, u, at, top)
		return v
	}
	rule := f.ActualTag()
	if !strings.Contains(rule, "|") {
		v.Param = wireParam(rule, f.Param(), at, top)
	}
	if v.Message = words(f.Tag(), v.Param, u); v.Message == "" {
		v.Message = words(rule, v.Param, u)
	}
	if v.Message == "" {
		v.Message = "breaks the rule " + v.Rule
	}
	return v
}

// alternatives takes a|b=1 apart.
func alternatives(tag string) (names, params []string) {
	for part := range strings.SplitSeq(tag, "|") {
		name, param, _ := strings.Cut(part, "=")
		names, params = append(names, name), append(params, param)
	}
	return names, params
}

func eitherWords(names, params []string, u unit, at place, top reflect.Value) string {
	texts := make([]string, len(names))
	for i, name := range names {
		if texts[i] = words(name, wireParam(name, params[i], at, top), u); texts[i] == "" {
			return "breaks the rule " + strings.Join(names, "|")
		}
	}
	return strings.Join(texts, ", or ")
}

// How the rules that name other fields do it.
const (
	oneField   = iota + 1 // one, beside the field
	fromTop               // one, from the outermost struct
	fieldList             // several, beside the field
	fieldPairs            // each followed by a value
	ofElement             // one, in the elements of a list
	method                // a method in Go
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

// wireParam is the parameter with the names of other fields as on the wire. Where
// one of them has none, there is no parameter.
func wireParam(rule, param string, at place, top reflect.Value) string {
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

// wireName is the path of Go names, from the struct t, on the wire; empty when there
// is none.
func wireName(t reflect.Type, path string) string {
	if t == nil {
		return ""
	}
	p := follow(t, reflect.Value{}, path)
	if p.lost != "" || p.typ == nil || p.hidden {
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

// splitParam splits at spaces that are not in single quotes.
func splitParam(param string) []string { return paramParts.FindAllString(param, -1) }
