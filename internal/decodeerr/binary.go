package decodeerr

import (
	"fmt"
	"reflect"
	"strconv"
)

// BinaryError is the error of binary where a type cannot hold it.
type BinaryError struct {
	Type reflect.Type
	Size int // in bytes
}

func (e *BinaryError) Error() string {
	return fmt.Sprintf("%s cannot hold binary: use []byte or any, or websockets.Payload for the whole message", e.Type)
}

func (e *BinaryError) describe() (message, found string) {
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
