package recovered

import (
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
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
	if e, ok := errors.AsType[*PanicError](Do(func() { crash(nil) })); !ok || e.Place != "internal/recovered/recovered_test.go:13" {
		t.Errorf("%+v", e)
	}
}

// The place is the line that panicked, also in functions of the runtime and the library.
func TestPlace(t *testing.T) {
	for name, f := range map[string]func(){
		"internal/recovered/recovered_test.go:13": func() { crash(nil) },
		"strings/strings.go:":                     func() { _ = strings.Repeat("x", -1) },
		"internal/recovered/recovered_test.go:":   func() { write(nil) },
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

// The stack in a line of the log is one of functions and places from the panic on, without escaped line breaks.
func TestWhere(t *testing.T) {
	log := &testkit.Log{}
	var err error
	func() {
		defer Into(&err)
		crash(nil)
	}()
	p, ok := errors.AsType[*PanicError](err)
	if !ok {
		t.Fatal(err)
	}
	log.Logger(slog.LevelInfo).Error("failed", p.Where()...)
	line := log.String()
	for _, want := range []string{
		" place=internal/recovered/recovered_test.go:13 ",
		` stack="recovered.crash internal/recovered/recovered_test.go:13 < recovered.TestWhere.func1 internal/recovered/recovered_test.go:`,
		" < recovered.TestWhere internal/recovered/recovered_test.go:", " < testing.tRunner testing/testing.go:", " < go testing.(*T).Run testing/testing.go:",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in\n%s", want, line)
		}
	}
	if strings.Contains(line, `\n`) || strings.Contains(line, "runtime.") {
		t.Errorf("got %s", line)
	}
	if got := frames("goroutine 7 [running]:\nexample.com/shop/chat.run(...)\n\t/home/ada/shop/chat/a.go:3 +0x1d\n"); got != "chat.run example.com/shop/chat/a.go:3" {
		t.Errorf("without a panic: %s", got)
	}
	if got := frames(""); got != "" {
		t.Errorf("nothing: %s", got)
	}
}
