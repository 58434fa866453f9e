package contracttest_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/contract/contracttest"
	"github.com/gatehouse-go/gatehouse/contract/typescript"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	before struct {
		Name string `json:"name"`
	}
	after struct {
		Name  string   `json:"name"`
		Names []string `json:"names"`
	}
	// gateway has one handler.
	gateway[T any] struct {
		Server *websockets.Server `websockets:"server"`
	}
)

func newGateway[T any]() *gateway[T] { return &gateway[T]{} }

func (*gateway[T]) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("say", func(context.Context, T) error { return nil })}
}

func moduleOf[T any]() *module.Module {
	return module.New("names", module.Providers(websockets.Gateway(newGateway[T], websockets.Path("/ws"))))
}

// golden runs Golden in a test that may fail, with the variable set to a value.
func golden(t *testing.T, update, dir string, root *module.Module, opts ...contracttest.Option) *testkit.Recorder {
	t.Helper()
	t.Setenv(contracttest.Variable, update)
	r := &testkit.Recorder{TB: t}
	r.Run(func() {
		contracttest.Golden(r, dir, root, append(opts, contracttest.With(app.WebSockets(ws.New())))...)
	})
	return r
}

func wantFailures(t *testing.T, r *testkit.Recorder, want ...string) {
	t.Helper()
	if got := strings.Join(r.Failures(), "\n\n"); got != strings.Join(want, "\n\n") {
		t.Errorf("failures:\n%s\nwant:\n%s", got, strings.Join(want, "\n\n"))
	}
}

// TestGolden: a document that is missing, that differs or that is stale fails the test with the file, the change and the command,
// which mends it.
func TestGolden(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "api")
	file, other := filepath.Join(dir, "asyncapi.json"), filepath.Join(dir, "openapi.json")
	const command = "\tGATEHOUSE_UPDATE=1 go test -run '^TestGolden$' ."

	wantFailures(t, golden(t, "", dir, moduleOf[before]()), "contracttest: "+file+" does not exist: to write it, run\n"+command)
	wantFailures(t, golden(t, "1", dir, moduleOf[before]()))
	wantFailures(t, golden(t, "", dir, moduleOf[before]()))

	r := golden(t, "", dir, moduleOf[after]())
	if len(r.Failures()) != 1 {
		t.Fatalf("a changed field: %q", r.Failures())
	}
	text := r.Failures()[0]
	for _, want := range []string{
		"contracttest: " + file + " is not what the application serves:\n", " -       \"before\": {", " +       \"after\": {",
		" +           \"names\": {", "\nif the change is intended, run\n" + command,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	wantFailures(t, golden(t, "1", dir, moduleOf[after]()))
	wantFailures(t, golden(t, "", dir, moduleOf[after]()))

	if err := os.WriteFile(other, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFailures(t, golden(t, "", dir, moduleOf[after]()),
		"contracttest: "+other+" is stale: the application has nothing for it; to remove it, run\n"+command)
	wantFailures(t, golden(t, "1", dir, moduleOf[after]()))
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestTypeScript: the client is compared and written like the documents, in its own folder.
func TestTypeScript(t *testing.T) {
	dir := t.TempDir()
	api, web := filepath.Join(dir, "api"), filepath.Join(dir, "web")
	const command = "\tGATEHOUSE_UPDATE=1 go test -run '^TestTypeScript$' ."
	client := contracttest.TypeScript(web)
	missing := func(folder, name string) string {
		return "contracttest: " + filepath.Join(folder, name) + " does not exist: to write it, run\n" + command
	}
	wantFailures(t, golden(t, "", api, moduleOf[before](), client), missing(api, "asyncapi.json"), missing(web, "client.ts"), missing(web, "gatehouse.ts"))
	wantFailures(t, golden(t, "1", api, moduleOf[before](), client))
	wantFailures(t, golden(t, "", api, moduleOf[before](), client))
	r := golden(t, "", api, moduleOf[after](), client)
	if all := strings.Join(r.Failures(), "\n"); len(r.Failures()) != 2 || !strings.Contains(all, " + export interface After {") {
		t.Errorf("a changed field: %s", all)
	}
	golden(t, "1", api, moduleOf[before](), contracttest.TypeScript(web, typescript.Platform("mqtt"))).
		Want(`contracttest: typescript: Platform("mqtt"): use one of ["ws" "socketio"]`)
	wantFailures(t, golden(t, "1", api, module.New("empty"), client))
	if files, err := os.ReadDir(web); err != nil || len(files) != 0 {
		t.Errorf("without gateways there is a client: %v, %v", files, err)
	}
}

// Only the first lines of a difference are shown.
func TestLongDifference(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "asyncapi.json"), []byte("{\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := golden(t, "", dir, moduleOf[before]())
	if len(r.Failures()) != 1 || strings.Count(r.Failures()[0], " + ") != 20 || !strings.Contains(r.Failures()[0], " more changed lines\n") {
		t.Errorf("got %q", r.Failures())
	}
}

func TestGoldenFails(t *testing.T) {
	dir := t.TempDir()
	wantFailures(t, golden(t, "1", dir, moduleOf[websockets.Payload](), contracttest.Contract(contract.URL("x"))),
		`contracttest: contract: URL("x"): it has no form like https://api.example.com`)
	golden(t, "1", dir, moduleOf[failing]()).
		Want("contracttest: not described: gateway contracttest_test.", `: event "say": contracttest_test.failing: its method JSONSchema: it is not one JSON object`)
	golden(t, "1", dir, module.New("m", module.Providers(func(failing) int { return 0 }))).
		Want("contracttest: module m (contract/contracttest/golden_test.go:", "needs contracttest_test.failing")
}

type failing struct{}

func (failing) JSONSchema() jsontext.Value { return jsontext.Value("[]") }
