package codec

import (
	"testing"
)

func TestFieldSet(t *testing.T) {
	var set fieldSet
	for i := range 200 {
		if !set.add(i) || set.add(i) || set.add(i/2) {
			t.Fatal(i)
		}
	}
}
