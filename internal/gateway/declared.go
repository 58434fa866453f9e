package gateway

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/hookform"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// gatewayHooks are the methods of gateways that the framework calls.
var gatewayHooks = []hookform.Hook{
	hookform.Of[websockets.Subscriber]("Subscriptions", "() []websockets.Subscription"),
	hookform.Of[websockets.OptionsProvider]("GatewayOptions", "() []websockets.Option"),
	hookform.Of[websockets.OnGatewayInit]("AfterInit", "(ctx context.Context, s *websockets.Server) error"),
	hookform.Of[websockets.OnGatewayConnection]("HandleConnection", "(ctx context.Context, c websockets.Client) error"),
	hookform.Of[websockets.OnGatewayDisconnect]("HandleDisconnect", "(ctx context.Context, c websockets.Client, r websockets.Reason)"),
}

// typeProblems returns what is wrong with the type of a gateway.
func typeProblems(t reflect.Type) (all []string) {
	if t == nil || t.Kind() == reflect.Interface {
		return nil
	}
	for _, m := range hookform.Check(t, gatewayHooks) {
		all = append(all, m.String())
	}
	if len(all) > 0 && t.Kind() == reflect.Struct {
		return all // all by value
	}
	if len(all) == 0 && !isGatewayType(t) && !sends(t) {
		all = append(all, fmt.Sprintf("returns %v, which has neither Subscriptions nor a hook (AfterInit, HandleConnection, HandleDisconnect); add one, or the field Server *websockets.Server %s to send only", t, serverTag))
	}
	return append(all, serverFieldProblems(t)...)
}

// sends reports whether a type has a field for its server: a gateway may have no other purpose than to send.
func sends(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return false
	}
	for _, f := range reflect.VisibleFields(t.Elem()) {
		if f.Type == serverFieldType && f.Tag.Get("websockets") == "server" {
			return true
		}
	}
	return false
}

const (
	serverTag = "`websockets:\"server\"`"
	skipTag   = "-" // a field that the framework does not set
)

var (
	serverType      = reflect.TypeFor[websockets.Server]()
	serverFieldType = reflect.PointerTo(serverType)
)

// serverFieldProblems returns what is wrong with the fields of a gateway that hold its server.
func serverFieldProblems(t reflect.Type) (all []string) {
	byValue := t.Kind() == reflect.Struct
	s := t
	if t.Kind() == reflect.Pointer {
		s = t.Elem()
	}
	if s.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(s) {
		tag, tagged := f.Tag.Lookup("websockets")
		isServer := f.Type == serverFieldType || f.Type == serverType
		if tag == skipTag || !tagged && (!isServer || behindPointer(s, f)) {
			continue
		}
		field := s.String() + "." + f.Name
		switch {
		case tagged && tag != "server":
			all = append(all, fmt.Sprintf("has the field %s with the tag `websockets:%q`; write %s, or `websockets:\"-\"` for a field that the framework does not set", field, tag, serverTag))
		case f.Type == serverType:
			all = append(all, fmt.Sprintf("has the field %s of type websockets.Server; write %s *websockets.Server %s", field, f.Name, serverTag))
		case byValue:
			all = append(all, fmt.Sprintf("returns %v by value, so that its field %s cannot be set; return *%[1]v from the constructor", t, field))
		case tagged && !f.IsExported():
			all = append(all, fmt.Sprintf("has the field %s, which is not exported, so that it cannot be set; start its name with a capital letter", field))
		case !tagged && !t.Implements(reflect.TypeFor[websockets.OnGatewayInit]()): // AfterInit may set it
			all = append(all, fmt.Sprintf("has the field %s without a tag, so that it stays nil; write %s *websockets.Server %s, or set it in AfterInit", field, exported(f.Name), serverTag))
		}
	}
	return all
}

// exported returns the name of an exported field.
func exported(name string) string {
	if c := name[0]; c >= 'a' && c <= 'z' {
		return string(c-'a'+'A') + name[1:]
	}
	return name
}

// behindPointer reports whether a field belongs to another value, to which an embedded pointer
// leads.
func behindPointer(s reflect.Type, f reflect.StructField) bool {
	for _, i := range f.Index[:len(f.Index)-1] {
		if s = s.Field(i).Type; s.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// Unregistered returns the declarations that are meant to be gateways and are not registered by
// [websockets.Gateway]. values are what they have built; nil before that.
func Unregistered(decls []module.Declaration, values []any) (all []module.Problem) {
	types, built := map[reflect.Type]bool{}, map[any]bool{}
	for i, d := range decls {
		if registered(d) {
			types[d.Type] = true
			if len(values) > 0 && isPointer(values[i]) {
				built[values[i]] = true
			}
		}
	}
	isGateway := func(t reflect.Type) bool { return types[t] }
	for i, d := range decls {
		t := d.Type
		switch {
		case t == nil || t.Kind() == reflect.Interface || registered(d):
			continue
		case embedded(t, types):
			continue // clients reach it through the gateways that embed it
		case types[t] && (len(values) == 0 || !isPointer(values[i]) || built[values[i]]):
			continue // a registered gateway under another name, or the start decides
		}
		if t.Implements(reflect.TypeFor[websockets.Subscriber]()) && !embeds(t, isGateway) {
			all = append(all, d.Problem(module.ProblemGateway,
				fmt.Sprintf("returns %v, which has the method Subscriptions but is not registered as a gateway, so that no client reaches it", t),
				fmt.Sprintf("write %s(websockets.Gateway(%s)), or rename the method", d.List(), written(d))))
			continue
		}
		for _, field := range taggedFields(t) {
			all = append(all, d.Problem(module.ProblemGateway,
				fmt.Sprintf("has the field %s with the tag %s but is not a gateway, so that the field stays nil", field, serverTag),
				"inject websockets.ServerOf of the gateway's type in the constructor, or the gateway itself"))
		}
	}
	return all
}

// written returns how a module lists a declaration.
func written(d module.Declaration) string {
	_, name, _ := strings.Cut(d.Name, ".") // without the package
	switch {
	case strings.HasPrefix(d.Name, "module.Value["):
		return "module.Value(…)"
	case strings.Contains(name, ".func"):
		return "func() …"
	default:
		return name
	}
}

// embeds reports whether a struct embeds a pointer, at any depth, for which is returns true: it
// has the methods of that value.
func embeds(t reflect.Type, is func(reflect.Type) bool) bool {
	seen := map[reflect.Type]bool{}
	var search func(reflect.Type) bool
	search = func(t reflect.Type) bool {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return false
		}
		seen[t] = true
		for f := range t.Fields() {
			if f.Anonymous && (f.Type.Kind() == reflect.Pointer && is(f.Type) || search(f.Type)) {
				return true
			}
		}
		return false
	}
	return search(t)
}

// embedded reports whether one of the gateways embeds a pointer type.
func embedded(t reflect.Type, gateways map[reflect.Type]bool) bool {
	if t.Kind() != reflect.Pointer {
		return false
	}
	for g := range gateways {
		if g != nil && embeds(g, func(base reflect.Type) bool { return base == t }) {
			return true
		}
	}
	return false
}

func registered(d module.Declaration) bool {
	return slices.ContainsFunc(d.Marks, func(m any) bool {
		_, ok := m.(config.Registration)
		return ok
	})
}

// isNil reports whether a constructor returned nil.
func isNil(v any) bool {
	return v == nil || isPointer(v) && reflect.ValueOf(v).IsNil()
}

func isPointer(v any) bool { return v != nil && reflect.TypeOf(v).Kind() == reflect.Pointer }

// taggedFields returns the fields of a type that only a gateway may have.
func taggedFields(t reflect.Type) (names []string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("websockets") == "server" && f.Type == serverFieldType && !behindPointer(t, f) {
			names = append(names, t.String()+"."+f.Name)
		}
	}
	return names
}
