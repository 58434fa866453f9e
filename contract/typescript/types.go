package typescript

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// mostElements is the length up to which a list of a fixed length has a type for each element.
const mostElements = 8

// silent are the keywords of JSON Schema that no type expresses, and that make no value of the type wrong.
var silent = []string{
	"format", "contentEncoding", "contentMediaType", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
	"minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "propertyNames",
	"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "required", "additionalItems",
}

// expressed are those that typeOf expresses.
var expressed = []string{"$ref", "const", "enum", "anyOf", "oneOf", "allOf", "type", "properties", "additionalProperties", "items", "prefixItems"}

// typeOf returns the type of a schema. at is its place in the document, for problems.
func (g *generator) typeOf(schema any, at string) string {
	if raw, ok := schema.(jsontext.Value); ok && string(raw) == "false" {
		return "never"
	}
	o, ok := schema.(object)
	if !ok {
		return "unknown"
	}
	g.keywords(o, at)
	var all []string
	for _, part := range []string{g.reference(o, at), literals(o), g.combined(o, at), g.kinds(o, at)} {
		if part != "" {
			all = append(all, part)
		}
	}
	if len(all) == 0 {
		return "unknown"
	}
	return join(all, " & ")
}

// keywords reports what no type expresses.
func (g *generator) keywords(o object, at string) {
	for _, m := range o {
		if !slices.Contains(silent, m.Name) && !slices.Contains(expressed, m.Name) && !strings.HasPrefix(m.Name, "x-") {
			g.problem(Problem{Schema: at, Text: "the keyword " + m.Name + " of JSON Schema has no type: the client ignores it; describe the values in another way"})
		}
	}
}

func (g *generator) reference(o object, at string) string {
	ref := text(o, "$ref")
	if ref == "" {
		return ""
	}
	if name, ok := strings.CutPrefix(ref, "#/components/schemas/"); ok && g.types[name] != "" {
		return g.types[name]
	}
	g.problem(Problem{Schema: at, Text: "the reference " + ref + " is not to a schema of the document: the client accepts any value"})
	return "unknown"
}

// literals returns the type of const and enum.
func literals(o object) string {
	values, _ := o.Get("enum").([]any)
	if v := o.Get("const"); v != nil {
		values = []any{v}
	}
	var all []string
	for _, v := range values {
		all = addOnce(all, literal(v))
	}
	return join(all, " | ")
}

func literal(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case jsontext.Value:
		return string(v)
	}
	return "unknown"
}

func (g *generator) combined(o object, at string) string {
	var all []string
	for _, keyword := range []struct{ name, operator string }{{"anyOf", " | "}, {"oneOf", " | "}, {"allOf", " & "}} {
		list, _ := o.Get(keyword.name).([]any)
		var parts []string
		for _, schema := range list {
			parts = addOnce(parts, g.typeOf(schema, at))
		}
		if slices.Contains(parts, "unknown") && keyword.operator == " | " {
			parts = nil // any value
		}
		if joined := join(parts, keyword.operator); joined != "" {
			all = append(all, joined)
		}
	}
	return join(all, " & ")
}

// kinds returns the type of what type, properties and items say.
func (g *generator) kinds(o object, at string) string {
	var names []string
	switch t := o.Get("type").(type) {
	case string:
		names = []string{t}
	case []any:
		for _, v := range t {
			if name, ok := v.(string); ok {
				names = append(names, name)
			}
		}
	default:
		switch {
		case o.Get("const") != nil || o.Get("enum") != nil:
		case o.Get("properties") != nil || o.Get("additionalProperties") != nil:
			names = []string{"object"}
		case o.Get("items") != nil || o.Get("prefixItems") != nil:
			names = []string{"array"}
		}
	}
	if o.Get("const") != nil || o.Get("enum") != nil {
		return "" // the literals say more
	}
	var all []string
	for _, name := range names {
		all = addOnce(all, g.kind(name, o, at))
	}
	return join(all, " | ")
}

func (g *generator) kind(name string, o object, at string) string {
	switch name {
	case "string":
		if text(o, "format") == "binary" {
			return "Bytes"
		}
		return "string"
	case "integer", "number":
		return "number"
	case "boolean", "null":
		return name
	case "array":
		return g.list(o, at)
	case "object":
		return g.record(o, at)
	}
	g.problem(Problem{Schema: at, Text: "JSON has no type " + name})
	return "unknown"
}

func (g *generator) list(o object, at string) string {
	elements, isTuple := o.Get("prefixItems").([]any)
	if list, ok := o.Get("items").([]any); ok {
		elements, isTuple = list, true
	}
	if isTuple {
		var all []string
		for _, e := range elements {
			all = append(all, g.typeOf(e, at))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	element := g.typeOf(o.Get("items"), at)
	if n := number(o.Get("minItems")); n > 0 && n <= mostElements && n == number(o.Get("maxItems")) {
		return "[" + strings.TrimSuffix(strings.Repeat(element+", ", n), ", ") + "]"
	}
	if strings.ContainsAny(element, " ") && !isEnclosed(element) {
		element = "(" + element + ")"
	}
	return element + "[]"
}

func number(v any) int {
	raw, _ := v.(jsontext.Value)
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		return -1
	}
	return n
}

// record returns the type of an object, on one line.
func (g *generator) record(o object, at string) string {
	var all []string
	g.members(o, at, func(member string) { all = append(all, member) })
	if len(all) == 0 {
		return "{ [name: string]: unknown }"
	}
	return "{ " + strings.Join(all, "; ") + " }"
}

// members calls f with each member of an object: `name?: type`.
func (g *generator) members(o object, at string, f func(member string)) {
	required, _ := o.Get("required").([]any)
	properties := get(o, "properties")
	for _, p := range properties {
		optional := "?"
		if slices.ContainsFunc(required, func(v any) bool { return v == p.Name }) {
			optional = ""
		}
		f(key(p.Name) + optional + ": " + g.typeOf(p.Value, at+"."+p.Name))
	}
	rest := o.Get("additionalProperties")
	if raw, ok := rest.(jsontext.Value); rest == nil || ok && string(raw) == "false" {
		return
	}
	value := g.typeOf(rest, at+".*")
	if len(properties) > 0 {
		value = "unknown" // other members must fit the signature too
	}
	f("[name: string]: " + value)
}

// join joins types by an operator. Of several, those that are unions or intersections are put in parentheses.
func join(types []string, operator string) string {
	if len(types) < 2 {
		return strings.Join(types, "")
	}
	if operator == " & " {
		for i, t := range types {
			if strings.Contains(t, " | ") && !isEnclosed(t) {
				types[i] = "(" + t + ")"
			}
		}
	}
	return strings.Join(types, operator)
}

// isEnclosed reports whether a type is one text, or in one pair of braces or brackets.
func isEnclosed(t string) bool {
	depth := 0
	for i := range len(t) {
		switch t[i] {
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth--
		case ' ':
			if depth == 0 {
				return false
			}
		}
	}
	return true
}

// key returns the name of a member.
func key(name string) string {
	if isIdentifier(name) {
		return name
	}
	return quote(name)
}

func isIdentifier(name string) bool {
	for i, r := range name {
		letter := r == '_' || r == '$' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// quote returns a text as a literal. JSON's form is one of JavaScript.
func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil { // not UTF-8, which JSON cannot have
		return `""`
	}
	return strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`).Replace(string(b))
}
