// Package chaos_test runs real clients and a server over bad networks: toxiproxy delays, splits, holds back and
// breaks their connections.
//
// It is a separate module, so that users of Gatehouse do not get toxiproxy as a requirement.
package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The ways run in parallel, also with fewer cores: they mostly wait.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(len(ways))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxics log by the package's own logger
	goleak.VerifyTestMain(m,
		// Links that toxiproxy broke keep goroutines: a stage waits forever to pass data to the next, which is closed.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).write"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
	)
}
