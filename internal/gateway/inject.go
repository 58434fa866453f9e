package gateway

import (
	"fmt"
	"reflect"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// inject sets the fields tagged `websockets:"server"`; typeProblems has checked them.
func inject(g *boundGateway) error {
	v := reflect.ValueOf(g.value)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	v = v.Elem()
	for _, f := range reflect.VisibleFields(v.Type()) { // those of embedded structs too
		tag, ok := f.Tag.Lookup("websockets")
		if !ok || tag == skipTag {
			continue
		}
		name := v.Type().String() + "." + f.Name
		field, err := v.FieldByIndexErr(f.Index)
		if err != nil || !field.CanSet() {
			return fmt.Errorf("gateway %s: field %s cannot be set, because an embedded pointer that leads to it is nil or not exported; set it in the constructor", g.name, name)
		}
		if f.Type == reflect.TypeFor[*websockets.Server]() {
			field.Set(reflect.ValueOf(g.users))
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
			return fmt.Errorf("gateway %s: no platform of the gateway has a %s for the field %s; use *websockets.Server, or the platform's own server type", g.name, f.Type, name)
		}
	}
	return nil
}
