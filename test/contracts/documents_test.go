package contracts

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/internal/need"
)

// undescribed are the places of problems of the modules on the pages, which show how to start.
var undescribed = []string{
	"gateways.NewChat (docs/internal/snippets/gateways/chat.go", `gateways.NewChat: event "count"`, `gateways.NewChat: event "me"`, `interceptors.NewGateway: event "count"`,
	"guard authentication.NewGuard: how clients send", "guard *jwtauth.Guard[github.com/gatehouse-go/gatehouse/docs/internal/snippets/authentication.Claims]: how clients send",
}

// TestDocuments: validators of others find nothing wrong in the documents, and something in wrong ones.
func TestDocuments(t *testing.T) {
	dirs := pages(t)
	t.Run("kin-openapi", func(t *testing.T) { testOpenAPI(t, documents(t, dirs, "openapi.json")) })
	t.Run("redocly", func(t *testing.T) { testRedocly(t, documents(t, dirs, "openapi.json")) })
	t.Run("asyncapi", func(t *testing.T) { testAsyncAPI(t, documents(t, dirs, "asyncapi.json")) })
	t.Run("schema", func(t *testing.T) { testAsyncAPISchema(t, documents(t, dirs, "asyncapi.json")) })
}

// documents returns the documents of a name: those in the repository, and of the modules on the pages.
func documents(t *testing.T, dirs []string, name string) []string {
	t.Helper()
	root := need.Root(t)
	dirs = append(slices.Clone(dirs), filepath.Join(root, "test/jobs/testdata"), filepath.Join(root, "cmd/example/api"), filepath.Join(root, "contract/testdata"))
	var files []string
	for _, dir := range dirs {
		if file := filepath.Join(dir, name); exists(file) {
			files = append(files, file)
		}
	}
	if len(files) < 4 {
		t.Fatalf("documents %q: are the folders still these?", files)
	}
	return files
}

// programs are the packages of the pages that no other can import.
var programs = []string{
	"./docs/internal/snippets/first", "./docs/internal/snippets/json", "./docs/internal/snippets/platforms", "./docs/internal/snippets/protocol",
	"./docs/internal/snippets/socketio", "./docs/internal/snippets/websocket",
}

// pages returns the folders with the documents of the modules on the pages: each module that a page declares has one for a platform at least.
func pages(t *testing.T) []string {
	t.Helper()
	root, folder, goCommand := need.Root(t), t.TempDir(), need.Program(t, "", "go")
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), goCommand, args...)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "DOCUMENTS="+folder)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		return string(out)
	}
	for problem := range strings.Lines(run("run", "./docs/internal/documents", folder)) {
		if !slices.ContainsFunc(undescribed, func(place string) bool { return strings.Contains(problem, place) }) {
			t.Errorf("not described: %s", problem)
		}
	}
	run(append([]string{"test", "-count=1", "-run", "^TestDocuments$"}, programs...)...)
	dirs, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^var (\w+) = module\.New\(`)
	sources, err := filepath.Glob(filepath.Join(root, "docs/internal/snippets/*/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(root, "docs/internal/snippets/*/*/*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatal(len(sources), err)
	}
	for _, file := range append(sources, more...) {
		for _, found := range declared.FindAllStringSubmatch(read(t, file), -1) {
			name := filepath.Base(filepath.Dir(file)) + "." + found[1]
			if !slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(filepath.Base(dir), name+"-") }) {
				t.Errorf("%s: the documents of %s are not validated: list it in docs/internal/documents", file, name)
			}
		}
	}
	return dirs
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// testOpenAPI: kin-openapi finds nothing wrong, and something in a wrong document.
func testOpenAPI(t *testing.T, files []string) {
	t.Helper()
	check := func(text []byte) error {
		loader := openapi3.NewLoader()
		doc, err := loader.LoadFromData(text)
		if err != nil {
			return err
		}
		return doc.Validate(t.Context())
	}
	for _, file := range files {
		text := read(t, file)
		if err := check([]byte(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, wrong := range []string{`"responses"`, `"schema": {`} {
			if changed := strings.Replace(text, wrong, `"other": {`, 1); changed != text && check([]byte(changed)) == nil {
				t.Errorf("%s: nothing is wrong without %s", file, wrong)
			}
		}
	}
}

// testAsyncAPI: the parser of AsyncAPI finds neither an error nor a warning, and an error in wrong documents.
func testAsyncAPI(t *testing.T, all []string) {
	t.Helper()
	type finding struct {
		File, Message string
		Severity      int // 0 is an error, 1 a warning
	}
	parse := func(files ...string) (found []finding) {
		t.Helper()
		out, err := nodeProgram(t, "validate.mjs", files...).Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if err := json.Unmarshal(out, &found); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return found
	}
	var files, wrong []string
	for _, file := range all {
		text := read(t, file)
		for _, version := range contract.AsyncAPIVersions() {
			if version == "3.0.0" || strings.HasPrefix(file, need.Root(t)) { // it takes a second for each document; testAsyncAPISchema has all
				files = append(files, write(t, inVersion(text, version)))
			}
		}
		if changed := strings.Replace(text, `"action": "receive"`, `"action": "other"`, 1); changed != text && len(wrong) < 2 {
			wrong = append(wrong, write(t, changed))
		}
	}
	refused := map[string]bool{}
	for _, f := range parse(append(files, wrong...)...) {
		switch {
		case slices.Contains(wrong, f.File):
			refused[f.File] = refused[f.File] || f.Severity == 0
		case f.Severity < 2:
			t.Errorf("%s: %s", f.File, f.Message)
		}
	}
	for _, file := range wrong {
		if !refused[file] {
			t.Errorf("%s: a wrong document is accepted", file)
		}
	}
}

// testAsyncAPISchema: the JSON Schema of AsyncAPI, in Go, accepts the documents in versions 3.0 and 3.1, and no wrong one.
func testAsyncAPISchema(t *testing.T, files []string) {
	t.Helper()
	for _, version := range contract.AsyncAPIVersions() {
		schema := compileAt(t, read(t, filepath.Join(need.PackagesIn(t, "test/contracts"), "node_modules/@asyncapi/specs/schemas", version+"-without-$id.json")), validator.Draft7, "")
		refused := 0
		for _, file := range files {
			text := inVersion(read(t, file), version)
			if err := valid(t, schema, []byte(text)); err != nil {
				t.Errorf("%s: version %s: %v", file, version, err)
			}
			for right, wrong := range map[string]string{`"action": "send"`: `"action": "other"`, `"type": "httpApiKey"`: `"type": "key"`, `"host": "`: `"hots": "`} {
				if changed := strings.Replace(text, right, wrong, 1); changed != text && valid(t, schema, []byte(changed)) != nil {
					refused++
				} else if changed != text {
					t.Errorf("%s: version %s: nothing is wrong with %s", file, version, wrong)
				}
			}
		}
		if refused < len(files) {
			t.Errorf("version %s: %d wrong documents are refused", version, refused)
		}
	}
}

// inVersion returns a document of AsyncAPI in another version.
func inVersion(text, version string) string {
	_, rest, _ := strings.Cut(text, ",\n")
	return "{\n  \"asyncapi\": \"" + version + "\",\n" + rest
}

// testRedocly: the linter of Redocly finds neither an error nor a warning against the specification, and an error in wrong documents.
func testRedocly(t *testing.T, files []string) {
	t.Helper()
	lint := func(files ...string) (errors, warnings int) {
		t.Helper()
		out, _ := nodeProgram(t, "node_modules/@redocly/cli/bin/cli.js", append([]string{"lint", "--extends=spec", "--format=json"}, files...)...).Output()
		reports := json.NewDecoder(bytes.NewReader(out)) // one for each file
		for range files {
			var found struct {
				Totals struct{ Errors, Warnings int }
			}
			if err := reports.Decode(&found); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			errors += found.Totals.Errors
			warnings += found.Totals.Warnings
		}
		return errors, warnings
	}
	if errors, warnings := lint(files...); errors > 0 || warnings > 0 {
		t.Errorf("%q: %d errors, %d warnings", files, errors, warnings)
	}
	for _, file := range files[len(files)-2:] {
		if errors, _ := lint(write(t, strings.Replace(read(t, file), `"in": "path"`, `"in": "paht"`, 1))); errors == 0 {
			t.Errorf("%s: a wrong document is accepted", file)
		}
	}
}

// nodeProgram returns a program of the installed packages.
func nodeProgram(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	node, dir := need.Program(t, "NODE", "node"), need.PackagesIn(t, "test/contracts")
	cmd := exec.CommandContext(t.Context(), node, append([]string{program}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true")
	return cmd
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// write writes a document to a new file.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "document.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
