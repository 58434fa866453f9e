package matrix_test

import (
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/matrix"
)

func portOf(address string) int {
	u, err := url.Parse(address)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}

// intended has the checks that Gatehouse need not pass, with the reason.
var intended = map[string]string{}

func TestMatrix(t *testing.T) {
	var tab table
	for _, mode := range matrix.Modes {
		tab.columns = append(tab.columns, column{mode, "Node"}, column{mode, "Gatehouse"})
	}
	var both sync.WaitGroup
	for _, s := range []*matrix.Side{startNode(t), startOurs(t)} {
		c := matrix.StartChecks(t)
		both.Go(func() {
			for _, mode := range matrix.Modes {
				started := time.Now()
				results := c.Run(t, mode, s)
				t.Logf("%s, %s: %d checks in %v", s.Name, mode, len(results), time.Since(started).Round(time.Millisecond))
				tab.add(column{mode, s.Name}, results)
			}
		})
	}
	both.Wait()
	tab.report(t)
	tab.write(t, "MATRIX")
}
