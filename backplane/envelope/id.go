package envelope

import (
	"encoding/hex"
	"fmt"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// appendID appends a field with an id of 16 lower-case hexadecimal digits; nothing for "".
func appendID(b []byte, tag byte, id string) ([]byte, error) {
	if id == "" {
		return b, nil
	}
	return appendRaw(appendTag(b, tag, idSize), id)
}

func appendOrigin(b []byte, origin string) ([]byte, error) {
	if origin == backplane.Emitter {
		return append(b, make([]byte, idSize)...), nil
	}
	return appendRaw(b, origin)
}

func appendRaw(b []byte, id string) ([]byte, error) {
	if len(id) != 2*idSize {
		return b, badID(id)
	}
	for i := 0; i < len(id); i += 2 {
		high, ok1 := digit(id[i])
		low, ok2 := digit(id[i+1])
		if !ok1 || !ok2 {
			return b, badID(id)
		}
		b = append(b, high<<4|low)
	}
	return b, nil
}

func badID(id string) error {
	return fmt.Errorf("envelope: id %q has not 16 lower-case hexadecimal digits: %w", id, ErrInvalid)
}

func digit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

func readOrigin(b []byte) string {
	if [idSize]byte(b) == [idSize]byte{} {
		return backplane.Emitter
	}
	return hex.EncodeToString(b)
}
