package jsonpointer_test

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/jsonpointer"
)

func TestDotted(t *testing.T) {
	for in, want := range map[jsontext.Pointer]string{
		"": "", "/text": "text", "/items/0/name": "items.0.name", "/a~1b/c~0d": "a/b.c~d",
	} {
		if got := jsonpointer.Dotted(in); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}
