// Package matrix_test plays one set of checks with npm's socket.io-client against npm's socket.io
// server and against Gatehouse, over each transport, in Node and in a browser, and compares the
// results. The checks are in test/js/matrix-*.mjs. Limits of recovery, which only Gatehouse has, are
// tested here in Go.
//
// MATRIX=file and MATRIX_BROWSER=file write the tables as Markdown,
// MATRIX_ONLY=text plays only the checks with the text in their names. RECORD_RUNS=20 plays each recorded session so often.
package matrix_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
