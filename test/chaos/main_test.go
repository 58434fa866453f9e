// Package chaos_test puts bad networks between real clients and a server:
// toxiproxy delays, cuts up, holds back and breaks what they say to each other.
//
// It is a module of its own, so that nobody who uses Gatehouse has toxiproxy
// among the requirements.
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
	// The ways travel side by side, also where there are fewer cores: they wait.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(len(ways))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxics log by the package's own logger
	goleak.VerifyTestMain(m,
		// Links that toxiproxy broke keep goroutines: a stage waits for ever to
		// pass on what the next, which is closed, does not take.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).write"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"),
	)
}
