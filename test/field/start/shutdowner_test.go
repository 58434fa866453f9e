package start_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
)

// quitter ends its application with an exit code.
type quitter struct {
	sd      fx.Shutdowner
	code    int
	atStart bool
}

// OnModuleInit implements [app.OnModuleInit].
func (q *quitter) OnModuleInit(context.Context) error {
	if q.atStart {
		return q.sd.Shutdown(fx.ExitCode(q.code))
	}
	return nil
}

// TestField_X44_Shutdowner: fx.Shutdowner could be injected and had no effect; it ends Run, whose error has the exit
// code, and where the application was not started with Run it returns an error that says so.
func TestField_X44_Shutdowner(t *testing.T) {
	for _, c := range []quitter{{code: 0}, {code: 3}, {code: 0, atStart: true}, {code: 7, atStart: true}} {
		var built *quitter
		m := module.New("m", module.Providers(func(sd fx.Shutdowner) *quitter {
			built = &quitter{sd: sd, code: c.code, atStart: c.atStart}
			return built
		}))
		a, err := app.New(m, quiet(), app.HTTP("127.0.0.1:0"), app.OnReady(func(*app.App) {
			if !c.atStart {
				go func() {
					_ = built.sd.Shutdown(fx.ExitCode(c.code))
					_ = built.sd.Shutdown(fx.ExitCode(99)) // the first counts
				}()
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		err = a.Run(ctx)
		if ctx.Err() != nil {
			t.Errorf("%+v: Run did not end", c)
		}
		cancel()
		if c.code == 0 {
			if err != nil {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if e, ok := errors.AsType[*app.ExitError](err); !ok || e.Code != c.code {
			t.Errorf("%+v: %v", c, err)
		}
	}

	var sd fx.Shutdowner
	a, err := app.New(module.New("m", module.Providers(func(s fx.Shutdowner) *quitter { sd = s; return &quitter{} })), quiet(), app.Mounted())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := sd.Shutdown(); err == nil || !strings.HasPrefix(err.Error(), "app: Shutdown has no effect, because") {
		t.Errorf("without Run: %v", err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
