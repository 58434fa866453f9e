package place

import (
	"runtime"
	"strings"
	"testing"
)

// Here the main module is this one.
func TestCaller(t *testing.T) {
	here := func() Position { return Caller(0) }
	outer := func() Position { return func() Position { return Caller(1) }() }
	_, file, line, _ := runtime.Caller(0)
	for _, p := range []Position{here(), outer()} {
		if got := p.String(); !strings.HasPrefix(got, "internal/place/place_test.go:") || p.line < line {
			t.Errorf("got %s", got)
		}
		if !strings.HasPrefix(p.File(), file+":") {
			t.Errorf("got %s", p.File())
		}
		if want := "github.com/gatehouse-go/gatehouse/internal/place.TestCaller"; p.Function() != want {
			t.Errorf("got %s, want %s", p.Function(), want)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, p := range []Position{{}, Caller(1000)} {
		if p != (Position{}) || p.String() != "unknown position" || p.File() != "" || p.Function() != "" {
			t.Errorf("got %v", p)
		}
	}
}

func TestString(t *testing.T) {
	for file, want := range map[string]string{
		"/mod/example.com/shop@v1.2.0/cart/cart.go": "example.com/shop/cart/cart.go:7",
		`C:\mod\shop\cart\cart.y`:                   "example.com/shop/cart/cart.y:7",
	} {
		if got := Of("example.com/shop/cart.New", file, 7).String(); got != want {
			t.Errorf("%s: got %s, want %s", file, got, want)
		}
	}
	if got := OfFrame(runtime.Frame{Function: "strings.Repeat", File: "/go/src/strings/strings.go", Line: 7}).String(); got != "strings/strings.go:7" {
		t.Errorf("got %s", got)
	}
}
