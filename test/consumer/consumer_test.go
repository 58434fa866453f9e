// Package consumer_test builds a program of a user: a module of its own, outside the workspace,
// that gets the modules of Gatehouse from a module proxy.
package consumer_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/gatehouse-go/gatehouse/internal/need"
)

const rootPath = "github.com/gatehouse-go/gatehouse"

// The released modules, as they are in the working tree, build in a module that requires them: their
// go.mod files name all that they need, in versions that exist, without go.work and replace.
func TestProgramOfAUser(t *testing.T) {
	root := need.Root(t)
	tool := need.Program(t, "", "go")
	need.Program(t, "", "git")
	version := output(t, exec.Command(filepath.Join(root, "scripts", "modules"), "version"))

	proxy, user := t.TempDir(), t.TempDir()
	edit := []string{"mod", "edit", "-go=1.26.0"}
	var sums []byte
	for dir := range strings.FieldsSeq(output(t, exec.Command(filepath.Join(root, "scripts", "modules"), "released"))) {
		publish(t, proxy, root, dir, version)
		edit = append(edit, "-require="+path.Join(rootPath, dir)+"@"+version)
		b, err := os.ReadFile(filepath.Join(root, dir, "go.sum"))
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, b...)
	}
	write(t, filepath.Join(user, "go.mod"), []byte("module example.com/user\n"))
	write(t, filepath.Join(user, "go.sum"), sums) // what others have published is not asked for at the checksum database again
	source, err := os.ReadFile(filepath.Join("testdata", "program", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(user, "main.go"), source)

	// What this machine has downloaded comes from there. The proxy is asked for the rest.
	var settings struct {
		GOMODCACHE, GOPROXY, GOFLAGS string
	}
	if err := json.Unmarshal([]byte(output(t, exec.Command(tool, "env", "-json"))), &settings); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(),
		"GOWORK=off",
		"GOPROXY=file://"+proxy+",file://"+filepath.Join(settings.GOMODCACHE, "cache", "download")+","+settings.GOPROXY,
		"GONOPROXY=none", "GONOSUMDB="+rootPath,
		"GOMODCACHE="+t.TempDir(), // so that no other test finds these modules
		// Without the names of folders, the next run finds in the build cache what has not changed.
		"GOFLAGS="+settings.GOFLAGS+" -mod=mod -modcacherw -trimpath",
	)
	for _, args := range [][]string{edit, {"build", "."}} {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir, cmd.Env = user, env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
}

// publish puts the module in the folder dir of the repository into a module proxy: see
// https://go.dev/ref/mod#goproxy-protocol.
func publish(t *testing.T, proxy, root, dir, version string) {
	t.Helper()
	mod, err := os.ReadFile(filepath.Join(root, dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	m := module.Version{Path: modfile.ModulePath(mod), Version: version}
	if want := path.Join(rootPath, dir); m.Path != want {
		t.Fatalf("%s/go.mod: the module is %s, want %s", dir, m.Path, want)
	}
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(base, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(base, "list"), []byte(version+"\n"))
	write(t, filepath.Join(base, version+".info"), []byte(`{"Version":"`+version+`","Time":"`+time.Now().UTC().Format(time.RFC3339)+`"}`))
	write(t, filepath.Join(base, version+".mod"), mod)
	archive, err := os.Create(filepath.Join(base, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	// Folders with a go.mod of their own are left out by Create.
	if err := errors.Join(zip.Create(archive, m, files(t, root, dir)), archive.Close()); err != nil {
		t.Fatal(err)
	}
}

// file is a file of a module.
type file struct{ name, path string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.path) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.path) }

// files are those that are or can be committed below the folder dir.
func files(t *testing.T, root, dir string) (all []zip.File) {
	t.Helper()
	git := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	git.Dir = filepath.Join(root, dir)
	for name := range strings.SplitSeq(output(t, git), "\x00") {
		at := filepath.Join(git.Dir, filepath.FromSlash(name))
		if _, err := os.Lstat(at); name == "" || errors.Is(err, fs.ErrNotExist) {
			continue // the last one, or removed and not yet committed
		}
		all = append(all, file{name, at})
	}
	return all
}

// output runs a command, and returns what it prints.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var problem strings.Builder
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, problem.String())
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
