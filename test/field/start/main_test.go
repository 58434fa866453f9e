// Package start_test tests what an application reports about its own code when it is validated, started and stopped:
// hooks with another form, gateways that are not registered, options without effect, and hooks that do not return.
package start_test

import (
	"context"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() app.Option { return app.Logger(slog.New(slog.DiscardHandler)) }

// line is a line number in a message.
var line = regexp.MustCompile(`\.go:\d+`)

// text returns an error without line numbers; "" for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return line.ReplaceAllString(err.Error(), ".go")
}

// validated returns the error of app.Validate without line numbers.
func validated(m *module.Module, opts ...app.Option) string {
	return text(app.Validate(m, append([]app.Option{quiet(), app.WebSockets(ws.New())}, opts...)...))
}

// start returns the error of New or Start without line numbers, and stops the application.
func start(t *testing.T, m *module.Module, opts ...app.Option) string {
	t.Helper()
	a, err := app.New(m, append([]app.Option{quiet(), app.WebSockets(ws.New()), app.HTTP("127.0.0.1:0")}, opts...)...)
	if err != nil {
		return text(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	err = a.Start(ctx)
	if stopErr := a.Stop(ctx); stopErr != nil {
		t.Errorf("stop: %v", stopErr)
	}
	return text(err)
}

// want compares a result with the expectation of a test.
func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// providers is a module with these providers.
func providers(items ...any) *module.Module { return module.New("m", module.Providers(items...)) }

// controllers is a module with these controllers.
func controllers(items ...any) *module.Module { return module.New("m", module.Controllers(items...)) }
