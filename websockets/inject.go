package websockets

import (
	"fmt"
	"reflect"
)

func typeOf(v any) reflect.Type { return reflect.TypeOf(v) }

// inject sets the fields tagged `websockets:"server"`.
func inject(g *boundGateway) error {
	v := reflect.ValueOf(g.value)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	v = v.Elem()
	for _, f := range reflect.VisibleFields(v.Type()) { // those of embedded structs too
		tag, ok := f.Tag.Lookup("websockets")
		if !ok {
			continue
		}
		name := v.Type().String() + "." + f.Name
		if tag != "server" {
			return fmt.Errorf("gateway %s: field %s has the tag `websockets:%q`; the only one known is `websockets:\"server\"`", g.Name, name, tag)
		}
		if !f.IsExported() {
			return fmt.Errorf("gateway %s: field %s is not exported, so its server cannot be set; begin its name with a capital", g.Name, name)
		}
		field, err := v.FieldByIndexErr(f.Index)
		if err != nil || !field.CanSet() {
			return fmt.Errorf("gateway %s: field %s cannot be set, because an embedded pointer on the way to it is nil or not exported; set it in the constructor", g.Name, name)
		}
		if f.Type == reflect.TypeFor[Server]() {
			field.Set(reflect.ValueOf(g.server))
			continue
		}
		set := false
		for native := range g.server.Natives() {
			if n := reflect.ValueOf(native); n.Type().AssignableTo(f.Type) {
				field.Set(n)
				set = true
				break
			}
		}
		if !set {
			return fmt.Errorf("gateway %s: no platform of the gateway gives a %s for the field %s; use websockets.Server, or the platform's own server type", g.Name, f.Type, name)
		}
	}
	return nil
}
