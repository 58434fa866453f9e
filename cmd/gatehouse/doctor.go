package main

import (
	"context"
	"fmt"

	"github.com/gatehouse-go/gatehouse/cmd/gatehouse/internal/doctor"
	"github.com/gatehouse-go/gatehouse/cmd/gatehouse/internal/scaffold"
)

// findMistakes checks packages and prints what is wrong.
func findMistakes(ctx context.Context, c *call) error {
	packages, err := c.parse()
	if err != nil {
		return err
	}
	r, err := doctor.Check(ctx, doctor.Options{Patterns: packages, GoVersion: scaffold.GoVersion})
	if err != nil {
		return err
	}
	for _, f := range r.Findings {
		_, _ = fmt.Fprintln(c.stdout, f)
	}
	if r.Errors() {
		return errFound
	}
	if len(r.Findings) == 0 {
		_, _ = fmt.Fprintf(c.stdout, "nothing found in %d packages\n", r.Packages)
	}
	return nil
}
