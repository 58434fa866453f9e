package contracts

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// undescribed are the places of problems of the modules on the pages, which show how to start.
var undescribed = []string{
	"gateways.NewChat (docs/internal/snippets/gateways/chat.go", `gateways.NewChat: event "count"`, `gateways.NewChat: event "me"`, `interceptors.NewGateway: event "count"`, "guard authentication.NewGuard: how clients send"
}

// documents returns the documents of a name: those in the repository, and of the modules on the pages.
func documents(t *testing.T, name string) []string {
	t.Helper()
	root, pages := need.Root(t), t.TempDir()
	cmd := exec.CommandContext(t.Context(), need.Program(t, "", "go"), "run", "./docs/internal/documents", pages)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	for problem := range strings.Lines(string(out)) {
		if !slices.ContainsFunc(undescribed, func(place string) bool { return strings.Contains(problem, place) }) {
			t.Errorf("not described: %s", problem)
		}
	}
	dirs, err := filepath.Glob(filepath.Join(pages, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, dir := range append(dirs, filepath.Join(root, "cmd/example/api"), filepath.Join(root, "contract/testdata")) {
		if file := filepath.Join(dir, name); exists(file) {
			files = append(files, file)
		}
	}
	if len(files) < 4 {
		t.Fatalf("documents %q: are the folders still these?", files)
	}
	return files
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// TestOpenAPI: kin-openapi finds nothing wrong, and something in a wrong document.
func TestOpenAPI(t *testing.T) {
	check := func(text []byte) error {
		loader := openapi3.NewLoader()
		doc, err := loader.LoadFromData(text)
		if err != nil {
			return err
		}
		return doc.Validate(t.Context())
	}
	for _, file := range documents(t, "openapi.json") {
		text := read(t, file)
		if err := check([]byte(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, wrong := range []string{`"responses"`, `"schema": {`} {
			if check([]byte(strings.Replace(text, wrong, `"other": {`, 1))) == nil {
				t.Errorf("%s: nothing is wrong without %s", file, wrong)
			}
		}
	}
}

// TestAsyncAPI: the parser of AsyncAPI finds neither an error nor a warning, for versions 3.0 and 3.1, and an error in wrong documents.
func TestAsyncAPI(t *testing.T) {
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
	for _, file := range documents(t, "asyncapi.json") {
		text := read(t, file)
		for _, version := range []string{"3.0.0", "3.1.0"} {
			_, rest, _ := strings.Cut(text, ",\n")
			files = append(files, write(t, "{\n  \"asyncapi\": \""+version+"\",\n"+rest))
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

// TestRedocly: the linter of Redocly finds neither an error nor a warning against the specification, and an error in wrong documents.
func TestRedocly(t *testing.T) {
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
	files := documents(t, "openapi.json")
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
