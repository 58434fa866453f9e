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
	for i := range v.NumField() {
		f := v.Type().Field(i)
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
		if f.Type == reflect.TypeFor[Server]() {
			v.Field(i).Set(reflect.ValueOf(g.server))
			continue
		}
		set := false
		for native := range g.server.Natives() {
			if n := reflect.ValueOf(native); n.Type().AssignableTo(f.Type) {
				v.Field(i).Set(n)
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
