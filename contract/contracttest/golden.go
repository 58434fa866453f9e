// Package contracttest holds an application to the documents of its contract, which are files beside the test:
//
//	func TestContract(t *testing.T) {
//		contracttest.Golden(t, "api", chat.Module, contracttest.With(app.WebSockets(ws.New())))
//	}
package contracttest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/contract/typescript"
	"github.com/gatehouse-go/gatehouse/module"
)

// Variable is the environment variable that has [Golden] write the documents: GATEHOUSE_UPDATE=1.
const Variable = "GATEHOUSE_UPDATE"

// Option configures [Golden].
type Option struct {
	app      []app.Option
	contract []contract.Option
	built    bool
	comments bool
	clients  []client
}

// client is a folder with a client in TypeScript.
type client struct {
	dir  string
	opts []typescript.Option
}

// With passes options of the application, such as app.WebSockets and app.HTTP.
func With(opts ...app.Option) Option { return Option{app: opts} }

// Contract passes options of the documents, such as contract.Title and contract.URL.
func Contract(opts ...contract.Option) Option { return Option{contract: opts} }

// Built starts the application by package apptest, instead of describing it without running a constructor. It is for gateways and
// controllers whose method Subscriptions, Routes or GatewayOptions uses what the constructor sets.
func Built() Option { return Option{built: true} }

// TypeScript has [Golden] write and compare a client in TypeScript too, the files client.ts and gatehouse.ts of package typescript, in a
// folder that is relative to the test's package. It can be passed several times.
func TypeScript(dir string, opts ...typescript.Option) Option {
	return Option{clients: []client{{dir, opts}}}
}

// Golden fails the test if asyncapi.json or openapi.json in the folder, which is relative to the test's package, is not what the
// application serves. A document that is missing, or that the application has no longer, is a failure too; so is each of
// [contract.Model.Problems] and of [typescript.Client.Problems]. With [Variable] in the environment, or where the test has a flag -update of its own and it is
// set, Golden writes the documents instead.
//
// The failure shows the first changed lines and the command that writes them.
func Golden(t testing.TB, dir string, root *module.Module, opts ...Option) {
	t.Helper()
	var all Option
	for _, o := range opts {
		all.app, all.contract, all.built = append(all.app, o.app...), append(all.contract, o.contract...), all.built || o.built
		all.comments = all.comments || o.comments
		all.clients = append(all.clients, o.clients...)
	}
	d, err := describe(t, root, all)
	if err != nil {
		t.Fatalf("contracttest: %v", err)
	}
	if all.comments {
		all.contract = append([]contract.Option{commentsOf(t)}, all.contract...)
	}
	model, err := contract.From(d, all.contract...)
	if err != nil {
		t.Fatalf("contracttest: %v", err)
	}
	for _, p := range model.Problems {
		t.Errorf("contracttest: not described: %s", p)
	}
	docs, err := model.Documents()
	if err != nil {
		t.Fatalf("contracttest: %v", err)
	}
	want := map[string][]byte{}
	for _, d := range docs {
		want[d.Name] = d.Text
	}
	check(t, dir, want, "asyncapi.json", "openapi.json")
	for _, c := range all.clients {
		check(t, c.dir, c.files(t, want["asyncapi.json"]), typescript.ClientFile, typescript.RuntimeFile)
	}
}

// files returns the files of a client; none if the application has no gateways.
func (c client) files(t testing.TB, asyncapi []byte) map[string][]byte {
	t.Helper()
	if asyncapi == nil {
		return nil
	}
	made, err := typescript.Generate(asyncapi, c.opts...)
	if err != nil {
		t.Fatalf("contracttest: %v", err)
	}
	for _, p := range made.Problems {
		t.Errorf("contracttest: not in the client: %s", p)
	}
	files := map[string][]byte{}
	for _, f := range made.Files {
		files[f.Name] = f.Text
	}
	return files
}

// check writes or compares the files of a folder.
func check(t testing.TB, dir string, want map[string][]byte, names ...string) {
	t.Helper()
	for _, name := range names {
		var err error
		file := filepath.Join(dir, name)
		if updates() {
			err = write(file, want[name])
		} else {
			err = compare(file, want[name], command(t.Name()))
		}
		if err != nil {
			t.Errorf("contracttest: %v", err)
		}
	}
}

func describe(t testing.TB, root *module.Module, o Option) (*app.Description, error) {
	t.Helper()
	if !o.built {
		return app.Describe(root, o.app...)
	}
	a := apptest.New(t, root, apptest.With(o.app...)).App()
	return &app.Description{Modules: a.Modules(), Gateways: a.Gateways(), Routes: a.Routes()}, nil
}

// updates reports whether Golden writes. The package registers no flag: it would be one of every test that imports it, and a
// panic where another package registers the same.
func updates() bool {
	if os.Getenv(Variable) != "" {
		return true
	}
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// command returns what writes the documents of a test.
func command(test string) string {
	top, _, _ := strings.Cut(test, "/")
	return fmt.Sprintf("%s=1 go test -run '^%s$' .", Variable, top)
}

// write writes a document that differs from its file, and removes the file of one that is empty.
func write(file string, text []byte) error {
	if text == nil {
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) { //nolint:gosec // the test names it
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // as source code
		return err
	}
	return os.WriteFile(file, text, 0o644) //nolint:gosec // as source code
}

// compare returns how a document differs from its file. A nil text is no document.
func compare(file string, text []byte, command string) error {
	old, err := os.ReadFile(file) //nolint:gosec // the test names it
	old = bytes.ReplaceAll(old, []byte("\r\n"), []byte("\n"))
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case err != nil && !missing:
		return err
	case missing && text == nil, !missing && text != nil && bytes.Equal(old, text):
		return nil
	case missing:
		return fmt.Errorf("%s does not exist: to write it, run\n\t%s", file, command)
	case text == nil:
		return fmt.Errorf("%s is stale: the application has nothing for it; to remove it, run\n\t%s", file, command)
	}
	return fmt.Errorf("%s is not what the application serves:\n%s\nif the change is intended, run\n\t%s", file, difference(string(old), string(text)), command)
}
