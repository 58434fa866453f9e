// Package documented writes the documents of the modules that the pages show. Module test/contracts validates them.
package documented

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Variable is the environment variable with the folder in which [Test] writes.
const Variable = "DOCUMENTS"

// Test writes the documents of modules that no other package can import, by their names such as "first.Module", into the folder of [Variable] or
// one of the test.
func Test(t *testing.T, modules map[string]*module.Module) {
	t.Helper()
	for name, root := range modules {
		problems, err := Write(cmp.Or(os.Getenv(Variable), t.TempDir()), name, root)
		if err != nil {
			t.Error(err)
		}
		for _, p := range problems {
			t.Errorf("%s: not described: %s", name, p)
		}
	}
}

// Write writes the documents of a module with each platform that can serve it, into dir/name-platform, and returns what they do not describe.
func Write(dir, name string, root *module.Module) (problems []string, err error) {
	var refused []error
	platforms := map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New()}
	for platform, a := range platforms {
		d, err := app.Describe(root, app.WebSockets(a))
		if err != nil { // options of the other platform
			refused = append(refused, fmt.Errorf("%s on %s: %w", name, platform, err))
			continue
		}
		m, err := contract.From(d)
		if err != nil {
			return nil, err
		}
		for _, p := range m.Problems {
			problems = append(problems, fmt.Sprintf("%s-%s: %s", name, platform, p))
		}
		if err := write(filepath.Join(dir, name+"-"+platform), m); err != nil {
			return nil, err
		}
	}
	if len(refused) == len(platforms) {
		return nil, errors.Join(refused...)
	}
	return problems, nil
}

func write(dir string, m *contract.Model) error {
	docs, err := m.Documents()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil { //nolint:gosec // a folder of the caller
		return err
	}
	for _, doc := range docs {
		if err := os.WriteFile(filepath.Join(dir, doc.Name), doc.Text, 0o600); err != nil { //nolint:gosec // as above
			return err
		}
	}
	return nil
}
