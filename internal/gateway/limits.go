package gateway

import (
	"cmp"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// withDefaults fills in the defaults of limits.
func withDefaults(c config.Limits) websockets.Limits {
	l := websockets.Limits(c)
	setDefault(&l.MaxMessage, 1_000_000)
	setDefault(&l.SendQueue, 1<<20)
	setDefault(&l.SendQueueMax, 8<<20)
	l.SendQueueMax = max(l.SendQueueMax, l.SendQueue)
	setDefault(&l.SendStall, 10*time.Second)
	l.IdleAfter = cmp.Or(l.IdleAfter, defaultIdleAfter()) // negative: never
	setDefault(&l.MaxAuth, 16<<10)
	setDefault(&l.KeptHeaders, keep.DefaultHeaders)
	l.ClientErrors = cmp.Or(l.ClientErrors, 50) // negative: no limit
	setDefault(&l.HandshakeTimeout, 15*time.Second)
	setDefault(&l.PingInterval, 25*time.Second)
	setDefault(&l.PingTimeout, 20*time.Second)
	setDefault(&l.CloseTimeout, 5*time.Second)
	setDefault(&l.CallTimeout, 10*time.Second)
	return l
}

// idleAfter is set by the linker, in the tests of scripts/parked only: the default of Limits.IdleAfter.
var idleAfter string

func defaultIdleAfter() time.Duration {
	if d, err := time.ParseDuration(idleAfter); err == nil {
		return d
	}
	return 10 * time.Second
}

// setDefault replaces a limit that is not set.
func setDefault[T ~int | ~int64](limit *T, v T) {
	if *limit <= 0 {
		*limit = v
	}
}
