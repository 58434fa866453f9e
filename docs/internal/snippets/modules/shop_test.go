package modules_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/modules"
	"github.com/gatehouse-go/gatehouse/module"
)

// snippet:wiring
func TestWiring(t *testing.T) {
	if err := app.Validate(modules.OrdersModule); err != nil {
		t.Fatal(err)
	}
}

// end

func TestOrders(t *testing.T) {
	a := apptest.New(t, modules.OrdersModule)
	if err := apptest.Get[*modules.Orders](a).Place("tea"); err != nil {
		t.Error(err)
	}
}

// The problem that docs/modules.md shows.
func TestMissingImport(t *testing.T) {
	orders := module.New("orders", module.Providers(modules.NewClock, modules.NewOrders))
	root := module.New("app", module.Imports(orders, modules.StoreModule))
	_, err := module.Resolve(root)
	if err == nil {
		t.Fatal("no error")
	}
	page, readErr := os.ReadFile("../../../modules.md")
	if readErr != nil {
		t.Fatal(readErr)
	}
	lineNumber := regexp.MustCompile(`go:\d+`)
	want := strings.ReplaceAll(lineNumber.ReplaceAllString(err.Error(), "go"), "docs/internal/snippets/modules/", "internal/shop/")
	if !strings.Contains(lineNumber.ReplaceAllString(string(page), "go"), want) {
		t.Errorf("docs/modules.md does not show\n%v", err)
	}
}

func TestDynamicModule(t *testing.T) {
	root := module.New("app", module.Imports(modules.MailModule(modules.MailConfig{Host: "a"})))
	a := apptest.New(t, root)
	if got := apptest.Get[*modules.Mailer](a).Host(); got != "a" {
		t.Errorf("got %q", got)
	}
}

func TestParams(t *testing.T) {
	a := apptest.New(t, modules.ReportModule)
	if apptest.Get[*modules.Report](a).HasMailer() {
		t.Error("there is a mailer")
	}
}

func TestLazy(t *testing.T) {
	apptest.New(t, module.New("app", module.Providers(modules.NewUsers, modules.NewRooms)))
}

func TestJobs(t *testing.T) {
	graph, err := module.Resolve(module.New("app", module.Providers(modules.Job(modules.NewClock, time.Minute))))
	if err != nil {
		t.Fatal(err)
	}
	if err := fx.New(graph.Fx(), fx.NopLogger).Err(); err != nil {
		t.Fatal(err)
	}
	if got := modules.Jobs(graph); got["modules.NewClock"] != time.Minute {
		t.Errorf("got %v", got)
	}
}
