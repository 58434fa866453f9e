package gateway

import (
	"os"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/config"
)

// The default of IdleAfter is what the linker was asked for, in scripts/parked, and else 10 s.
func TestDefaultIdleAfter(t *testing.T) {
	want := 10 * time.Second
	if os.Getenv("PARKED") != "" {
		want = 1
	}
	if got := withDefaults(config.Limits{}).IdleAfter; got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got := withDefaults(config.Limits{IdleAfter: -1}).IdleAfter; got >= 0 {
		t.Errorf("%v instead of never", got)
	}
}
