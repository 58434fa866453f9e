package doctor

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/version"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// modules are those of the packages, each once.
func (c *checker) modules() (all []*goModule) {
	for _, p := range c.packages {
		if p.Module != nil && !slices.ContainsFunc(all, func(m *goModule) bool { return m.Dir == p.Module.Dir }) {
			all = append(all, p.Module)
		}
	}
	return all
}

// modFile is a go.mod.
type modFile struct {
	Go      string      `json:"Go"`
	Require []modPath   `json:"Require"`
	Replace []modChange `json:"Replace"`
}

type modPath struct {
	Path    string `json:"Path"`
	Version string `json:"Version"`
}

type modChange struct {
	Old modPath `json:"Old"`
}

func goOutput(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // arguments of this package
	cmd.Dir = dir
	return cmd.Output()
}

// goVersion checks the version of Go, and that of the go.mod of the working directory. It reports whether the go command can do the rest.
func (c *checker) goVersion(ctx context.Context) bool {
	out, err := goOutput(ctx, c.Dir, "env", "GOVERSION", "GOMOD")
	running, file, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil { // a go.mod that is not valid; go list says it
		return true
	}
	need := "go" + c.GoVersion
	if version.IsValid(running) && version.Compare(running, need) < 0 {
		c.addf("", 0, false, "install a newer one, see https://go.dev/dl", "Gatehouse needs Go %s, and this is %s", c.GoVersion, running)
		return false
	}
	text, err := goOutput(ctx, c.Dir, "mod", "edit", "-json", file)
	if file == "" || file == os.DevNull || err != nil {
		return true
	}
	var mod modFile
	if err := json.Unmarshal(text, &mod); err != nil || !slices.ContainsFunc(mod.Require, func(r modPath) bool { return r.Path == gatehouse }) {
		return true
	}
	if mod.Go != "" && version.Compare("go"+mod.Go, need) >= 0 {
		return true
	}
	c.addf(file, max(1, lineOf(file, "go ")), false, "write: go "+c.GoVersion, "the module has Go %s, and Gatehouse needs %s", mod.Go, c.GoVersion)
	return false
}

// lineOf returns the number of the first line of a file that starts with a text, or has it after spaces; 0 if none does.
func lineOf(file, start string) int {
	text, err := os.ReadFile(file) //nolint:gosec // a file of a checked module
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "require ")), start) {
			return n
		}
	}
	return 0
}

// versions finds modules of Gatehouse that differ in their versions: they are released together.
func (c *checker) versions(m *goModule) {
	text, err := goOutput(context.Background(), m.Dir, "mod", "edit", "-json", m.GoMod)
	var mod modFile
	if err != nil || json.Unmarshal(text, &mod) != nil {
		return
	}
	replaced := func(path string) bool {
		return slices.ContainsFunc(mod.Replace, func(r modChange) bool { return r.Old.Path == path })
	}
	want := ""
	for _, r := range mod.Require {
		if r.Path == gatehouse && !replaced(r.Path) {
			want = r.Version
		}
	}
	for _, r := range mod.Require {
		if want != "" && strings.HasPrefix(r.Path, gatehouse+"/") && r.Version != want && !replaced(r.Path) {
			c.addf(m.GoMod, max(1, lineOf(m.GoMod, r.Path+" ")), false, fmt.Sprintf("run: go get %s@%s", r.Path, want),
				"%s has the version %s, and that of Gatehouse is %s: its modules belong together", r.Path, r.Version, want)
		}
	}
}

// each calls f with the files of a module, without those of modules in it, of tests' data and of dependencies.
func (m *goModule) each(f func(file string)) {
	_ = filepath.WalkDir(m.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read has no findings
		}
		if !d.IsDir() {
			f(path)
			return nil
		}
		if path == m.Dir {
			return nil
		}
		_, err = os.Stat(filepath.Join(path, "go.mod"))
		if name := d.Name(); err == nil || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || slices.Contains([]string{"node_modules", "vendor", "testdata"}, name) {
			return filepath.SkipDir
		}
		return nil
	})
}

// contract finds a module with gateways whose tests hold it to no documents.
func (c *checker) contract(m *goModule) {
	first := c.gateway(m)
	if !first.IsValid() {
		return
	}
	found := false
	m.each(func(file string) {
		if found || !strings.HasSuffix(file, "_test.go") {
			return
		}
		text, err := os.ReadFile(file) //nolint:gosec // a file of the module
		found = err == nil && bytes.Contains(text, []byte("contracttest.Golden("))
	})
	if !found {
		c.reportf(first, true, `write one: contracttest.Golden(t, "api", Module), see docs/contracts.md`, "no test holds the application to documents of its messages")
	}
}
