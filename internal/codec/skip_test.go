package codec

import (
	"fmt"
	"strings"
	"testing"
)

func TestValid(t *testing.T) {
	for text, want := range map[string]bool{
		` {"a":[1,{"b":null}]} `: true, `{"a":1,"a":2}`: false, `{"a":1,"\u0061":2}`: false, `"\ud83d"`: true, "\"\xff\"": false, `1 2`: false, ``: false, `[`: false,
	} {
		if Valid([]byte(text), Options{}) != want {
			t.Errorf("%s is not %v", text, want)
		}
	}
	if Valid([]byte(`"\ud83d"`), Options{Strict: true}) {
		t.Error("strict accepts half a pair")
	}
	many := func(last int) []byte {
		var b strings.Builder
		for i := range 100 {
			fmt.Fprintf(&b, `"%d":0,`, i)
		}
		return fmt.Appendf(nil, `{%s"%d":0}`, b.String(), last)
	}
	if !Valid(many(100), Options{}) || Valid(many(99), Options{}) || Valid(many(3), Options{}) {
		t.Error("many names")
	}
}
