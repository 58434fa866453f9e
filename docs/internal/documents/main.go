// Command documents writes the documents of the modules that the pages show into a folder, one folder for each module, and prints
// what they do not describe. Those of programs write theirs in a test, see package documented.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/gatehouse-go/gatehouse/docs/internal/documented"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/authentication"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/cluster"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/contracts"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/controllers"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/filters"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/gateways"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/goclient/chat"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/guards"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/inspector"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/interceptors"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/lifecycle"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/modules"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/observability"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/pathvalues"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/pipes"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/presence"
	shop "github.com/gatehouse-go/gatehouse/docs/internal/snippets/recording"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/servers"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/serving"
	signup "github.com/gatehouse-go/gatehouse/docs/internal/snippets/testing"
	"github.com/gatehouse-go/gatehouse/module"
)

// shown are the modules of the pages that can be imported, under the names of their packages and variables.
var shown = map[string]*module.Module{
	"authentication.Module": configured(authentication.Module), "authentication.Guarded": configured(authentication.Guarded),
	"authentication.Limited": configured(authentication.Limited), "authentication.Logged": configured(authentication.Logged),
	"cluster.Module": cluster.Module, "cluster.GuestsModule": cluster.GuestsModule,
	"contracts.Module": contracts.Module, "contracts.Secured": contracts.Secured,
	"controllers.Module": controllers.Module, "controllers.Whole": controllers.Whole,
	"chat.Module": chat.Module, "filters.Module": filters.Module, "gateways.Module": gateways.Module,
	"guards.Module": guards.Module, "guards.Handle": guards.Handle, "guards.KeyModule": guards.KeyModule, "guards.Injected": guards.Injected, "guards.BanModule": guards.BanModule,
	"interceptors.Module": interceptors.Module, "lifecycle.Module": lifecycle.Module, "lifecycle.Probed": lifecycle.Probed,
	"modules.HTTPModule": modules.HTTPModule, "modules.StoreModule": modules.StoreModule, "modules.OrdersModule": modules.OrdersModule, "modules.ReportModule": modules.ReportModule,
	"observability.Dashboard": observability.Dashboard, "pathvalues.Module": pathvalues.Module,
	"pipes.Module": pipes.Module, "pipes.ShopModule": pipes.ShopModule, "presence.Module": presence.Module,
	"inspector.Chat": inspector.Chat, "recording.Module": shop.Module,
	"servers.Module": servers.Module, "serving.Module": serving.Module, "testing.Module": signup.Module,
}

// configured returns a module with what it needs.
func configured(m *module.Module) *module.Module {
	config := module.New("config", module.Global(), module.Exports(module.Value(authentication.Config{})))
	return module.New("configured", module.Imports(config, m))
}

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("name the folder"))
	}
	for name, root := range shown {
		problems, err := documented.Write(os.Args[1], name, root)
		if err != nil {
			fail(err)
		}
		for _, p := range problems {
			_, _ = fmt.Fprintln(os.Stdout, p)
		}
	}
}

func fail(err error) {
	_, _ = fmt.Fprintln(os.Stderr, "documents:", err)
	os.Exit(1) //nolint:forbidigo // main has no result
}
