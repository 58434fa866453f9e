// Package cluster_test tests applications on several nodes, in one process and in one for each, with clients on each.
package cluster_test

import (
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
)

func TestMain(m *testing.M) {
	if s := os.Getenv(nodeProgram); s != "" {
		runNode(s)
		return
	}
	if s := os.Getenv(logNodeProgram); s != "" {
		runLogNode(s)
		return
	}
	os.Exit(leaktest.Main(m))
}
