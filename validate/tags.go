package validate

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// checkTags reports invalid tags of t and of all types that it contains.
func (p *Pipe) checkTags(t reflect.Type) error {
	s := &tagChecker{pipe: p, seen: map[reflect.Type]bool{}}
	return s.checkType(t)
}

type tagChecker struct {
	pipe *Pipe
	seen map[reflect.Type]bool
}

func (s *tagChecker) checkType(t reflect.Type) error {
	if s.seen[t] {
		return nil
	}
	s.seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return s.checkType(t.Elem())
	case reflect.Map:
		if err := s.checkType(t.Key()); err != nil {
			return err
		}
		return s.checkType(t.Elem())
	case reflect.Struct:
		if isTime(t) {
			return nil
		}
		return s.checkStruct(t)
	default:
		return nil
	}
}

func (s *tagChecker) checkStruct(t reflect.Type) error {
	// The library parses the tags of a struct on first use. The filter skips all fields.
	text := panicText(func() {
		_ = s.pipe.engine.StructFiltered(reflect.New(t).Interface(), func([]byte) bool { return true })
	})
	if text != "" {
		return fmt.Errorf("validate: invalid tags of %v: %s: correct the tag or add the rule with validate.Rule", t, text)
	}
	for f := range t.Fields() {
		tag := f.Tag.Get("validate")
		if tag == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if err := s.checkTag(t, f, tag); err != nil {
			return err
		}
		if err := s.checkType(f.Type); err != nil {
			return err
		}
	}
	return nil
}

// checkTag checks the rules of one field. It runs rules that have no side effects.
func (s *tagChecker) checkTag(owner reflect.Type, f reflect.StructField, tag string) error {
	if tag == "" || s.pipe.customEngine {
		return nil // a custom engine may define other rules under these names
	}
	about := f.Type // the type that the next rules apply to
	var keys, elements reflect.Type
	for part := range strings.SplitSeq(tag, ",") {
		text := ""
		switch t := indirect(about); {
		case t.Kind() == reflect.Interface:
			return nil
		case part == "dive" && elementOf(t) == nil:
			text = "dive needs a list or map"
		case part == "dive":
			about, keys = t.Elem(), nil
			if t.Kind() == reflect.Map {
				keys = t.Key()
			}
		case part == "keys" && keys == nil:
			text = "keys needs a map"
		case part == "keys":
			elements, about = about, keys
		case part == "endkeys":
			about = elements
		default:
			text = s.checkRules(owner, t, part)
		}
		if text != "" {
			return fmt.Errorf("validate: invalid tag of %v.%s: %q: %s: correct the tag", owner, f.Name, part, text)
		}
	}
	return nil
}

// checkRules checks one rule, or alternatives separated by |.
func (s *tagChecker) checkRules(owner, t reflect.Type, part string) string {
	for rule := range strings.SplitSeq(part, "|") {
		name, param, _ := strings.Cut(rule, "=")
		if s.pipe.customRules[name] {
			continue
		}
		if text := checkReference(owner, name, param); text != "" {
			return text
		}
		if isValuer(t) {
			continue
		}
		if readsFiles[name] && t.Kind() != reflect.String {
			return fmt.Sprintf("Bad field type %v", t)
		}
		if name == "unique" {
			if text := checkUnique(owner, t, param); text != "" {
				return text
			}
			continue
		}
		if !tryable[name] {
			continue
		}
		if t.Kind() == reflect.Struct && !isTime(t) {
			return "does not apply to structs"
		}
		if text := panicText(func() { _ = s.pipe.engine.Var(reflect.Zero(t).Interface(), rule) }); text != "" {
			return text
		}
	}
	return ""
}

// tryable are rules that read only the value and the parameter, and panic if the
// library cannot use either.
var tryable = map[string]bool{
	"len": true, "min": true, "max": true, "gt": true, "gte": true, "lt": true, "lte": true,
	"eq": true, "ne": true, "oneof": true, "noneof": true, "oneofci": true, "noneofci": true,
	"datetime": true, "eq_ignore_case": true, "ne_ignore_case": true, "spicedb": true,

	// Only for text, some for numbers too.
	"url": true, "http_url": true, "https_url": true, "uri": true, "urn_rfc2141": true, "urn_rfc8141": true, "origin": true,
	"json": true, "latitude": true, "longitude": true, "port": true, "lowercase": true, "uppercase": true, "timezone": true,
	"bcp47_language_tag": true, "bcp47_strict_language_tag": true, "luhn_checksum": true,
	"iso3166_1_alpha_numeric": true, "iso3166_1_alpha_numeric_eu": true, "iso4217_numeric": true,
}

// readsFiles are rules for text that read files.
var readsFiles = map[string]bool{"file": true, "filepath": true, "dir": true, "dirpath": true, "image": true}

var valuerType = reflect.TypeFor[validator.Valuer]()

// isValuer reports whether the library checks another value in place of one of type t.
func isValuer(t reflect.Type) bool {
	return t.Implements(valuerType) || reflect.PointerTo(t).Implements(valuerType)
}

// checkReference reports a parameter that names a missing field: such a rule always or
// never fails.
func checkReference(owner reflect.Type, rule, param string) string {
	var fields []string
	switch references[rule] {
	case oneField:
		fields = []string{param}
	case fieldList:
		fields = splitParam(param)
	case fieldPairs:
		parts := splitParam(param)
		if len(parts)%2 != 0 {
			return "needs pairs of field and value"
		}
		for i := 0; i < len(parts); i += 2 {
			fields = append(fields, parts[i])
		}
	}
	for _, name := range fields {
		name = strings.ReplaceAll(name, "'", "")
		if p := resolvePath(owner, reflect.Value{}, name); name == "" || p.unresolved != "" && !p.dynamic {
			return fmt.Sprintf("no field %q in the same struct", name)
		}
	}
	return ""
}

// checkUnique checks the rule unique, which compares the items of a list or map, one field of
// each item of a list, or the field itself with another one of the same struct.
func checkUnique(owner, t reflect.Type, field string) string {
	compared := elementOf(t)
	switch {
	case compared == nil && field == "":
		return fmt.Sprintf("Bad field type %v", t)
	case compared == nil:
		other, ok := owner.FieldByName(field)
		if !ok {
			return fmt.Sprintf("no field %q in the same struct", field)
		}
		if other.Type.Kind() != t.Kind() {
			return fmt.Sprintf("the field %s has another type, %v", field, other.Type)
		}
		return ""
	case compared.Kind() == reflect.Interface:
		return ""
	case t.Kind() != reflect.Map && field != "":
		if compared.Kind() != reflect.Struct {
			return fmt.Sprintf("the items are of type %v, which has no fields", compared)
		}
		f, ok := compared.FieldByName(field)
		if !ok || !f.IsExported() {
			return fmt.Sprintf("no field %q in the items, or not an exported one", field)
		}
		compared = indirect(f.Type)
	}
	if !compared.Comparable() {
		return fmt.Sprintf("values of type %v cannot be compared", compared)
	}
	return ""
}

// panicText runs f and returns the text it panicked with. The library panics with a
// string only for invalid tags.
func panicText(f func()) (text string) {
	defer func() {
		text, _ = recover().(string)
	}()
	f()
	return ""
}
