package decodeerr

import (
	"reflect"
	"strconv"

	"github.com/gatehouse-go/gatehouse/internal/codec"
)

// describeBinary returns what a value must be that is binary.
func describeBinary(e *codec.BinaryError) (message, found string) {
	t := indirect(e.Type)
	if t.Kind() == reflect.Array && t.Elem() == reflect.TypeFor[byte]() && !implements(t, textUnmarshaler) && !implements(t, unmarshaler) {
		return countOf(t.Len(), "byte"), strconv.Itoa(e.Size)
	}
	message, _ = failure{typ: t, kind: '{'}.expected()
	if message == doesNotFit || implements(t, textUnmarshaler) {
		return "cannot be binary", ""
	}
	return message, "binary"
}
