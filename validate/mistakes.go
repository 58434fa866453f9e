package validate

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
)

// mistakes looks for what is wrong in the tags of t and of all types that it has.
func (p *Pipe) mistakes(t reflect.Type) error {
	s := &search{pipe: p, seen: map[reflect.Type]bool{}}
	return s.typ(t)
}

type search struct {
	pipe *Pipe
	seen map[reflect.Type]bool
}

func (s *search) typ(t reflect.Type) error {
	if s.seen[t] {
		return nil
	}
	s.seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return s.typ(t.Elem())
	case reflect.Map:
		if err := s.typ(t.Key()); err != nil {
			return err
		}
		return s.typ(t.Elem())
	case reflect.Struct:
		if isTime(t) {
			return nil
		}
		return s.structure(t)
	default:
		return nil
	}
}

func (s *search) structure(t reflect.Type) error {
	// The library reads the tags of a struct when it first meets it, here without a
	// look at a field.
	text := complaint(func() {
		_ = s.pipe.engine.StructFiltered(reflect.New(t).Interface(), func([]byte) bool { return true })
	})
	if text != "" {
		return fmt.Errorf("validate: the tags of %v are wrong: %s; correct the tag, or add the rule with validate.Rule", t, text)
	}
	for f := range t.Fields() {
		tag := f.Tag.Get("validate")
		if tag == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if err := s.tag(t, f, tag); err != nil {
			return err
		}
		if err := s.typ(f.Type); err != nil {
			return err
		}
	}
	return nil
}

// tag tries the rules of a field where that is harmless.
func (s *search) tag(owner reflect.Type, f reflect.StructField, tag string) error {
	if tag == "" || s.pipe.foreign {
		return nil // an engine of the user's may mean something else by the names
	}
	about := f.Type // what the rules are about, from here on
	var keys, elements reflect.Type
	for part := range strings.SplitSeq(tag, ",") {
		text := ""
		switch t := indirect(about); {
		case t.Kind() == reflect.Interface:
			return nil
		case part == "dive" && elementOf(t) == nil:
			text = "dive is for lists and maps"
		case part == "dive":
			about, keys = t.Elem(), nil
			if t.Kind() == reflect.Map {
				keys = t.Key()
			}
		case part == "keys" && keys == nil:
			text = "keys is for maps"
		case part == "keys":
			elements, about = about, keys
		case part == "endkeys":
			about = elements
		default:
			text = s.rules(owner, t, part)
		}
		if text != "" {
			return fmt.Errorf("validate: the tag of %v.%s is wrong at %q: %s; correct it", owner, f.Name, part, text)
		}
	}
	return nil
}

// rules tries one or more rules with | between.
func (s *search) rules(owner, t reflect.Type, part string) string {
	for rule := range strings.SplitSeq(part, "|") {
		name, param, _ := strings.Cut(rule, "=")
		if s.pipe.own[name] {
			continue
		}
		if text := badReference(owner, name, param); text != "" {
			return text
		}
		if !harmless[name] || hasOwnValue(t) {
			continue
		}
		if t.Kind() == reflect.Struct && !isTime(t) {
			return "it is not for structs"
		}
		if text := complaint(func() { _ = s.pipe.engine.Var(reflect.Zero(t).Interface(), rule) }); text != "" {
			return text
		}
	}
	return ""
}

// harmless are the rules that look at nothing but value and parameter, and complain
// about either.
var harmless = map[string]bool{
	"len": true, "min": true, "max": true, "gt": true, "gte": true, "lt": true, "lte": true,
	"eq": true, "ne": true, "oneof": true, "noneof": true, "oneofci": true, "noneofci": true,
	"unique": true, "datetime": true,
}

var valuerType = reflect.TypeFor[validator.Valuer]()

// hasOwnValue reports whether something else is checked in the place of values of t.
func hasOwnValue(t reflect.Type) bool {
	return t.Implements(valuerType) || reflect.PointerTo(t).Implements(valuerType)
}

// badReference tells of other fields that there are not: rules that name them are
// broken always, or never.
func badReference(owner reflect.Type, rule, param string) string {
	var fields []string
	switch references[rule] {
	case oneField:
		fields = []string{param}
	case fieldList:
		fields = splitParam(param)
	case fieldPairs:
		parts := splitParam(param)
		if len(parts)%2 != 0 {
			return "it needs fields and values in turn"
		}
		for i := 0; i < len(parts); i += 2 {
			fields = append(fields, parts[i])
		}
	}
	for _, name := range fields {
		name = strings.ReplaceAll(name, "'", "")
		if p := follow(owner, reflect.Value{}, name); name == "" || p.lost != "" && !p.open {
			return fmt.Sprintf("there is no field %q beside it", name)
		}
	}
	return ""
}

// complaint is the text of a panic of the library; other panics are not about tags.
func complaint(f func()) (text string) {
	defer func() {
		text, _ = recover().(string)
	}()
	f()
	return ""
}
