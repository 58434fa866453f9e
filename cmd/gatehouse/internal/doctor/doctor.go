// Package doctor finds mistakes in the sources of an application that the compiler accepts. It reports what is certain: that it reports
// nothing does not mean that nothing is wrong.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// Gatehouse is the path of its module.
const gatehouse = "github.com/gatehouse-go/gatehouse"

// Options are what [Check] checks.
type Options struct {
	// Dir is the working directory; empty is that of the process.
	Dir string
	// Patterns are packages, as the go command takes them. Default: ./...
	Patterns []string
	// GoVersion is the oldest version of Go that Gatehouse needs: 1.26.0.
	GoVersion string
}

// Finding is a mistake.
type Finding struct {
	// Warning reports that it is none where it is intended.
	Warning bool
	// File is relative to the working directory where that is shorter; empty for what no file has. Line counts from 1.
	File string
	Line int
	// Text says what is wrong, Fix what to write.
	Text, Fix string
}

// String returns the finding on one line: `chat/module.go:12: what is wrong: what to write`.
func (f Finding) String() string {
	var b strings.Builder
	if f.File != "" {
		fmt.Fprintf(&b, "%s:%d: ", f.File, f.Line)
	}
	if f.Warning {
		b.WriteString("warning: ")
	}
	return b.String() + f.Text + ": " + f.Fix
}

// Report is the result of [Check].
type Report struct {
	// Packages is how many were checked.
	Packages int
	// Findings are sorted by their places.
	Findings []Finding
}

// Errors reports whether a finding is no warning.
func (r Report) Errors() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return !f.Warning })
}

// Check checks packages. It runs the go command, and nothing of the packages. The error is of that, or of its arguments.
func Check(ctx context.Context, o Options) (Report, error) {
	if o.Dir == "" {
		o.Dir = "."
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return Report{}, err
	}
	if len(o.Patterns) == 0 {
		o.Patterns = []string{"./..."}
	}
	c := &checker{Options: o, fset: token.NewFileSet()}
	c.Dir = dir
	if err := c.run(ctx); err != nil {
		return Report{}, err
	}
	slices.SortFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Text, b.Text))
	})
	return Report{len(c.packages), slices.Compact(c.findings)}, nil
}

// checker makes a report.
type checker struct {
	Options

	fset     *token.FileSet
	packages []*pkg
	findings []Finding
}

func (c *checker) run(ctx context.Context) error {
	if c.limits(); !c.goVersion(ctx) {
		return nil // the go command refuses the rest
	}
	if err := c.load(ctx); err != nil {
		return err
	}
	for _, m := range c.modules() {
		c.versions(m)
		c.npm(m)
		c.contract(m)
	}
	if slices.ContainsFunc(c.packages, func(p *pkg) bool { return p.broken }) {
		return nil // what does not compile has no types
	}
	c.events()
	c.origins()
	c.metrics()
	c.payloads()
	return nil
}

// reportf adds a finding at a position in a source.
func (c *checker) reportf(pos token.Pos, warning bool, fix, format string, args ...any) {
	p := c.fset.Position(pos)
	c.addf(p.Filename, p.Line, warning, fix, format, args...)
}

// addf adds a finding in a file.
func (c *checker) addf(file string, line int, warning bool, fix, format string, args ...any) {
	c.findings = append(c.findings, Finding{warning, c.relative(file), line, fmt.Sprintf(format, args...), fix})
}

// relative returns a name relative to the working directory, if it is in there.
func (c *checker) relative(file string) string {
	if name, err := filepath.Rel(c.Dir, file); err == nil && filepath.IsAbs(file) && filepath.IsLocal(name) {
		return name
	}
	return file
}
