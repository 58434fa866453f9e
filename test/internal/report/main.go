// Report writes docs/reliability.md: the faults that were tried on Gatehouse, the tests, and their results. The rows
// are the tests of the repository whose names contain a row (TestFault_F31_StuckReader); the texts are the first
// sentences of their comments.
//
//	go test -json ./... ./test/... | go run ./test/internal/report
//	go run ./test/internal/report -run
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the repository")
	to := flag.String("o", filepath.Join("docs", "reliability.md"), "the page, relative to the root")
	run := flag.Bool("run", false, "run the tests, instead of reading the output of go test -json on stdin")
	race := flag.Bool("race", true, "with -run: with the race detector")
	flag.Parse()
	if err := report(*root, *to, *run, *race); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1) //nolint:forbidigo // a program
	}
}

func report(root, to string, run, race bool) error {
	tests, err := scan(root)
	if err != nil {
		return err
	}
	seen := results{}
	switch {
	case run:
		if err := runAll(root, tests, race, seen); err != nil {
			return err
		}
	case piped(os.Stdin):
		if err := seen.read(os.Stdin); err != nil {
			return err
		}
	}
	page, err := render(tests, seen)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, to), page, 0o644) //nolint:gosec // a public page
}

// piped reports whether stdin is a pipe or file.
func piped(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}
