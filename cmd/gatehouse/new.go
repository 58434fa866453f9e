package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/gatehouse-go/gatehouse/cmd/gatehouse/internal/scaffold"
)

// newProject writes a project, and has Go add its dependencies and write its documents.
func newProject(ctx context.Context, c *call) error {
	p := scaffold.Project{}
	c.flags.StringVar(&p.Path, "module", "", "the `path` of the module (default NAME)")
	platform := c.flags.String("platform", string(scaffold.Both), "the `name` of the platform of the gateway: socketio, ws or both")
	c.flags.BoolVar(&p.Page, "page", false, "add a page that uses the generated client; Node compiles it")
	replace := c.flags.String("replace", "", "use the Gatehouse in `dir` instead of a released version")
	args, err := c.parse()
	switch {
	case err != nil:
		return err
	case len(args) != 1:
		return wrongf("%d names: name one project: gatehouse new shop", len(args))
	}
	p.Name, p.Platform = args[0], scaffold.Platform(*platform)
	root, err := goEnv(ctx, "GOROOT")
	if err != nil {
		return err
	}
	if err := p.Check(func(path string) bool { return isFolder(filepath.Join(root, "src", path)) }); err != nil {
		return wrongf("%v", err)
	}
	if p.Require, p.Replace, err = source(p.Name, *replace); err != nil {
		return err
	}
	names, err := scaffold.Write(&p)
	if err != nil {
		return err
	}
	for _, name := range names {
		_, _ = fmt.Fprintln(c.stdout, filepath.Join(p.Name, filepath.FromSlash(name)))
	}
	for _, step := range []struct {
		what string
		args []string
		env  string
	}{
		{"go mod tidy", []string{"mod", "tidy"}, ""},
		{"GATEHOUSE_UPDATE=1 go test -run TestContract .", []string{"test", "-run", "^TestContract$", "."}, "GATEHOUSE_UPDATE=1"},
	} {
		if out, err := goIn(ctx, p.Name, step.env, step.args...); err != nil {
			return fmt.Errorf("the files are written, but in the folder %s `%s` has failed: %w\n%s\nonce its cause is mended, run there: go mod tidy && GATEHOUSE_UPDATE=1 go test -run TestContract",
				p.Name, step.what, err, bytes.TrimSpace(out))
		}
	}
	_, _ = fmt.Fprintf(c.stdout, "\nNext:\n  cd %s\n  make test  # or go test ./...\n  make run   # then %s\n", p.Name,
		map[bool]string{true: "open http://127.0.0.1:3000", false: "connect to 127.0.0.1:3000"}[p.Page])
	if work, err := goEnv(ctx, "GOWORK"); err == nil && work != "" && work != "off" {
		_, _ = fmt.Fprintf(c.stdout, "\nThe folder is in the workspace %s: run `go work use ./%s` first.\n", work, p.Name)
	}
	return nil
}

// source returns the version of Gatehouse that the project requires, and what replaces it, relative to the project.
func source(name, replace string) (version, folder string, err error) {
	if replace == "" {
		info, ok := debug.ReadBuildInfo()
		if version := released(info); ok && version != "" {
			return version, "", nil
		}
		return "", "", errors.New("this command is not of a released version of Gatehouse, so the project has none to require: pass -replace dir with the folder of its sources")
	}
	text, err := os.ReadFile(filepath.Join(replace, "go.mod")) //nolint:gosec // the folder of the command line
	if first, _, _ := strings.Cut(string(text), "\n"); err != nil || strings.TrimSpace(first) != "module "+scaffold.Module {
		return "", "", wrongf("-replace %s: the folder has no go.mod of %s: pass that of its sources", replace, scaffold.Module)
	}
	if !filepath.IsAbs(replace) {
		if replace, err = filepath.Rel(name, replace); err != nil {
			return "", "", err
		}
		if !strings.HasPrefix(replace, "..") {
			replace = "." + string(filepath.Separator) + replace
		}
	}
	return "v0.0.0", filepath.ToSlash(replace), nil
}

// released returns the version of the module that the command was built of; empty if it was built of a folder.
func released(info *debug.BuildInfo) string {
	if info == nil {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == scaffold.Module && m.Replace == nil && m.Sum != "" {
			return m.Version
		}
	}
	return ""
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// goEnv returns a setting of the go command.
func goEnv(ctx context.Context, name string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", name).Output() //nolint:gosec // a setting that this package names
	if err != nil {
		return "", fmt.Errorf("go env %s: %w: install Go %s or newer, see https://go.dev/dl", name, err, scaffold.GoVersion)
	}
	return strings.TrimSpace(string(out)), nil
}

// goIn runs the go command in a project, outside of a workspace.
func goIn(ctx context.Context, dir, env string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // arguments that this package names
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off")
	if env != "" {
		cmd.Env = append(cmd.Env, env)
	}
	return cmd.CombinedOutput()
}
