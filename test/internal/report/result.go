package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const modulePath = "github.com/gatehouse-go/gatehouse"

// result is the result of a test.
type result struct {
	action string // pass, fail or skip; empty while it runs
	parts  []string
}

// results are keyed by package folder and test name.
type results map[[2]string]*result

// event is a line of go test -json.
type event struct {
	Action  string `json:"Action"`
	Package string `json:"Package"`
	Test    string `json:"Test"`
}

// read reads the output of go test -json. Other lines, such as those of a build, are ignored.
func (rs results) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil && e.Test != "" {
			rs.take(e)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (rs results) take(e event) {
	name, part, isPart := strings.Cut(e.Test, "/")
	dir := strings.TrimPrefix(strings.TrimPrefix(e.Package, modulePath), "/")
	key := [2]string{cmp.Or(dir, "."), name}
	if rs[key] == nil {
		rs[key] = &result{}
	}
	switch e.Action {
	case "pass", "fail", "skip":
	default:
		return
	}
	if !isPart {
		rs[key].action = e.Action
	} else if p, _, _ := strings.Cut(part, "#"); !slices.Contains(rs[key].parts, p) {
		rs[key].parts = append(rs[key].parts, p)
	}
}

// platforms are the names of subtests for a platform or a transport, in the order of the page.
var platforms = []string{"ws", "socketio", "websocket", "polling", "upgrade", "zishang", "http"}

// on returns the platforms that a test ran on.
func (r *result) on() (found []string) {
	for _, p := range platforms {
		if slices.ContainsFunc(r.parts, func(part string) bool { return slices.Contains(strings.Split(part, "/"), p) }) {
			found = append(found, p)
		}
	}
	return found
}

// runAll runs the tests, module by module.
func runAll(root string, tests []test, race bool, rs results) error {
	type job struct{ dirs, names []string }
	jobs := map[string]*job{}
	for _, t := range tests {
		j := jobs[t.module]
		if j == nil {
			j = &job{}
			jobs[t.module] = j
		}
		dir := "./" + strings.TrimPrefix(strings.TrimPrefix(t.dir, t.module), "/")
		if !slices.Contains(j.dirs, dir) {
			j.dirs = append(j.dirs, dir)
		}
		j.names = append(j.names, t.name)
	}
	for module, j := range jobs {
		args := []string{"test", "-json", "-count=1", "-timeout", "20m", "-run", "^(" + strings.Join(j.names, "|") + ")$"}
		if race {
			args = append(args, "-race")
		}
		//nolint:gosec,noctx // names of this repository's own tests; go test has a timeout
		cmd := exec.Command("go", append(args, j.dirs...)...)
		cmd.Dir = filepath.Join(root, module)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			err = rs.read(out)
		}
		if err != nil {
			return fmt.Errorf("go test in %s: %w", module, err)
		}
		_ = cmd.Wait() // a failed test is a result
	}
	return nil
}
