package testkit

import (
	"flag"
	"testing"
)

// RunTest runs a test function within an example, and reports whether it passes. With go test -v too it
// prints nothing unless it fails, since what it prints would be the output of the example.
func RunTest(test func(*testing.T)) bool {
	verbose := flag.Lookup("test.v").Value
	before := verbose.String()
	_ = verbose.Set("false") // a boolean accepts it, and what it was before
	defer func() { _ = verbose.Set(before) }()
	return testing.RunTests(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "Test", F: test}})
}
