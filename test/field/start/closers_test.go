package start_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
)

// opened is what a constructor has opened.
type opened struct {
	name   string
	closed *[]string
}

// Close implements [io.Closer].
func (o *opened) Close() error {
	*o.closed = append(*o.closed, o.name)
	return nil
}

type (
	database struct{ opened }
	broker   struct{ opened }
	// owner closes what it has opened itself, in its hook.
	owner   struct{ opened }
	given   struct{ opened }
	service struct{}
)

// OnApplicationShutdown implements [app.OnApplicationShutdown].
func (o *owner) OnApplicationShutdown(context.Context) error { return o.Close() }

// OnModuleInit implements [app.OnModuleInit].
func (s *service) OnModuleInit(context.Context) error { return errInit }

var (
	errConstructor = errors.New("no luck")
	errInit        = errors.New("no luck either")
)

// TestField_X55_Close: What constructors had opened stayed open when a later one, or a hook, failed; values that are
// io.Closers are closed once, the last first, except by module.Value and where their own hook has done so.
func TestField_X55_Close(t *testing.T) {
	for name, c := range map[string]struct {
		last any
		err  error
		want []string
	}{
		"a constructor fails": {
			func(*database, *broker, *owner) (*service, error) { return nil, errConstructor }, errConstructor, []string{"owner", "broker", "database"},
		},
		"a constructor panics": {
			func(*database, *broker, *owner) *service { panic(errConstructor) }, errConstructor, []string{"owner", "broker", "database"},
		},
		"a hook fails": {
			func(*database, *broker, *owner) *service { return &service{} }, errInit, []string{"owner", "broker", "database"},
		},
		"nothing fails": {func(*database, *broker, *owner) *int { return nil }, nil, []string{"owner"}},
	} {
		t.Run(name, func(t *testing.T) {
			var closed []string
			open := func(name string) opened { return opened{name, &closed} }
			m := module.New("m", module.Providers(
				func() *database { return &database{open("database")} },
				module.As[io.Closer](func(d *database) *database { return d }), // the same again
				func(*database) *broker { return &broker{open("broker")} },
				func(*broker) *owner { return &owner{open("owner")} },
				module.Value(&given{open("given")}), c.last,
			))
			a, err := app.New(m, quiet(), app.Mounted())
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); !errors.Is(err, c.err) {
				t.Errorf("Start: %v", err)
			}
			if err := a.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if !slices.Equal(closed, c.want) {
				t.Errorf("closed %q, want %q", closed, c.want)
			}
		})
	}
}
