// Command documents writes the documents of the modules that the pages show into a folder, one folder for each module, and prints
// what they do not describe. Module test/contracts validates them.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/authentication"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/cluster"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/contracts"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/controllers"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/filters"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/gateways"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/guards"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/interceptors"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/lifecycle"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/observing"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/pipes"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/presence"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/serving"
	signup "github.com/gatehouse-go/gatehouse/docs/internal/snippets/testing"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// modules are those of the pages that can be imported and that serve something.
var modules = map[string]*module.Module{
	"authentication": configured(authentication.Module), "guarded": configured(authentication.Guarded), "cluster": cluster.Module, "contracts": contracts.Module,
	"controllers": controllers.Module, "whole": controllers.Whole, "filters": filters.Module, "gateways": gateways.Module,
	"guards": guards.Module, "interceptors": interceptors.Module, "lifecycle": lifecycle.Module, "observing": observing.Dashboard,
	"pipes": pipes.Module, "shops": pipes.ShopModule, "presence": presence.Module, "serving": serving.Module, "signup": signup.Module,
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
	for name, root := range modules {
		for platform, a := range map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New()} {
			if name == "observing" && platform == "ws" {
				continue // it has a namespace
			}
			if err := write(filepath.Join(os.Args[1], name+"-"+platform), root, a); err != nil {
				fail(fmt.Errorf("%s on %s: %w", name, platform, err))
			}
		}
	}
}

func fail(err error) {
	_, _ = fmt.Fprintln(os.Stderr, "documents:", err)
	os.Exit(1) //nolint:forbidigo // main has no result
}

func write(dir string, root *module.Module, a adapter.Adapter) error {
	d, err := app.Describe(root, app.WebSockets(a))
	if err != nil {
		return err
	}
	m, err := contract.From(d)
	if err != nil {
		return err
	}
	for _, p := range m.Problems {
		_, _ = fmt.Fprintln(os.Stdout, filepath.Base(dir)+":", p)
	}
	docs, err := m.Documents()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil { //nolint:gosec // the folder of the command line
		return err
	}
	for _, doc := range docs {
		if err := os.WriteFile(filepath.Join(dir, doc.Name), doc.Text, 0o600); err != nil { //nolint:gosec // as above
			return err
		}
	}
	return nil
}
