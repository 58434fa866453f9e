package module_test

import (
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
)

// Results of raw options are visible in both segments of a module that is built in two,
// because a default needs one constructor and is needed by another.
func TestFromFxInBothSegments(t *testing.T) {
	mine := &C{9}
	var got []*C
	raw := module.New("raw", module.Global(),
		module.Fx(fx.Provide(fx.Private, func() *C { return mine })),
		module.Providers(module.FromFx[*C]()),
		module.Exports(func() *A { return &A{} }),
		module.Controllers(func(c *C, _ *D) *egg { got = append(got, c); return &egg{} }),
	)
	start(t, raw, module.Provide(func(*A) *D { return &D{} }))
	if len(got) != 1 || got[0] != mine {
		t.Errorf("got %v", got)
	}
}
