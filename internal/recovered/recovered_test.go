package recovered

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

func crash(list []int) int { return list[len(list)] }

func write(p *PanicError) { p.Place = "" }

func TestDo(t *testing.T) {
	if err := Do(func() {}); err != nil {
		t.Error(err)
	}
	if err := Do(runtime.Goexit); !errors.Is(err, ErrExited) {
		t.Error(err)
	}
	if e, ok := errors.AsType[*PanicError](Do(func() { crash(nil) })); !ok || e.Place != "recovered/recovered_test.go:10" {
		t.Errorf("%+v", e)
	}
}

// The place is the line that panicked, also in functions of the runtime and the library.
func TestPlace(t *testing.T) {
	for name, f := range map[string]func(){
		"recovered/recovered_test.go:10": func() { crash(nil) },
		"strings/":                       func() { _ = strings.Repeat("x", -1) },
		"recovered/recovered_test.go:":   func() { write(nil) },
	} {
		func() {
			defer func() {
				e := New(recover())
				if !strings.HasPrefix(e.Place, name) {
					t.Errorf("place %q, want %q", e.Place, name)
				}
				if len(e.Attrs()) != 6 {
					t.Errorf("attributes %v", e.Attrs())
				}
			}()
			f()
		}()
	}
}
