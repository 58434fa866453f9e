package internal_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

// TestLayers: every package imports only what the table of packages in CONTRIBUTING allows.
func TestLayers(t *testing.T) {
	allowed := layers(t)
	used := map[string]bool{}
	for _, p := range packages(t) {
		row, imports := rowOf(allowed, p.ImportPath)
		if row == "" {
			t.Errorf("%s is in no row of CONTRIBUTING.md: add it, with what it may import", p.ImportPath)
			continue
		}
		used[row] = true
		if slices.Contains(imports, "all") {
			continue
		}
		for _, imported := range p.Imports {
			path, ours := strings.CutPrefix(imported, modulePath+"/")
			if ours && path != row && !slices.Contains(imports, path) {
				t.Errorf("%s imports %s, which CONTRIBUTING.md does not allow", p.ImportPath, path)
			}
		}
	}
	for row := range allowed {
		if !used[row] {
			t.Errorf("CONTRIBUTING.md has a row for %s, which has no package", row)
		}
	}
}

// TestLayersOfTests: only packages for tests import helpers of tests.
func TestLayersOfTests(t *testing.T) {
	helpers := []string{"internal/browsertest", "internal/leaktest", "internal/matrix", "internal/need", "internal/nodetest", "internal/rawpeer", "internal/redistest", "internal/testkit"}
	importers := append([]string{"apptest", "backplane/backplanetest", "websockets/adaptertest", "test", "docs/internal/snippets/js"}, helpers...)
	in := func(list []string, path string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
	}
	found := 0
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if path, ours := strings.CutPrefix(imported, modulePath+"/"); !ours || !in(helpers, path) {
				continue
			}
			found++
			if !in(importers, strings.TrimPrefix(p.ImportPath, modulePath+"/")) {
				t.Errorf("%s imports %s, which is for tests", p.ImportPath, imported)
			}
		}
	}
	if found == 0 {
		t.Error("no package imports a helper of tests: are these still their names?")
	}
}

// layers returns the rows of the table: folder → folders that it may import.
func layers(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(need.Root(t), "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	name := regexp.MustCompile("`([^`]+)`")
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`") || !strings.Contains(cells[1], "/`") {
			continue
		}
		imports := []string{}
		for _, m := range name.FindAllStringSubmatch(cells[3], -1) {
			imports = append(imports, m[1])
		}
		if strings.TrimSpace(cells[3]) == "all" {
			imports = []string{"all"}
		}
		for _, m := range name.FindAllStringSubmatch(cells[1], -1) {
			rows[strings.TrimSuffix(m[1], "/")] = imports
		}
	}
	if len(rows) < 20 {
		t.Fatalf("CONTRIBUTING.md has %d rows of packages: is the table still there?", len(rows))
	}
	return rows
}

// rowOf returns the row of a package: its own, or that of the closest folder above it that
// covers it.
func rowOf(rows map[string][]string, importPath string) (row string, imports []string) {
	path := strings.TrimPrefix(importPath, modulePath+"/")
	for ; path != "." && path != "/"; path = filepath.Dir(path) {
		if imports, ok := rows[path]; ok && (path == strings.TrimPrefix(importPath, modulePath+"/") || slices.Contains(imports, "all")) {
			return path, imports
		}
	}
	return "", nil
}

type goPackage struct {
	ImportPath string
	Name       string
	Imports    []string
}

// packages returns all packages of the workspace that have code.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), need.Program(t, "", "go"), "list", "-e", "-json=ImportPath,Name,Imports,GoFiles", "work")
	cmd.Dir = need.Root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			goPackage
			GoFiles []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 && p.ImportPath != modulePath {
			all = append(all, p.goPackage)
		}
	}
}
