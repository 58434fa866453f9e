package compare

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
)

// Machine is what a reader has to know about the figures.
type Machine struct {
	Commit, Date, Hardware, Go, Node, Pinning string
}

func describe(ctx context.Context, c Config) Machine {
	m := Machine{
		Commit: c.Commit, Date: time.Now().UTC().Format(time.DateTime) + " UTC", Hardware: proc.Machine(),
		Go: strings.TrimPrefix(runtime.Version(), "go"), Node: "none",
	}
	if m.Commit == "" {
		m.Commit = commit(ctx, c.Root)
	}
	if version, err := exec.CommandContext(ctx, "node", "--version").Output(); err == nil {
		m.Node = strings.TrimPrefix(strings.TrimSpace(string(version)), "v")
	}
	return m
}

// commit of the sources, and whether they differ from it.
func commit(ctx context.Context, root string) string {
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output() //nolint:gosec // fixed commands, and the folder that the user names
		return strings.TrimSpace(string(out)), err
	}
	hash, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown"
	}
	if changes, err := git("status", "--porcelain", ":/"); err != nil || changes != "" {
		hash += " with changes"
	}
	return hash
}
