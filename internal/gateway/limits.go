package gateway

import (
	"time"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// withDefaults fills in the defaults of limits.
func withDefaults(c config.Limits) websockets.Limits {
	l := websockets.Limits(c)
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	if l.MaxMessage <= 0 {
		l.MaxMessage = 1_000_000
	}
	if l.SendQueue <= 0 {
		l.SendQueue = 1 << 20
	}
	if l.SendQueueMax <= 0 {
		l.SendQueueMax = 8 << 20
	}
	l.SendQueueMax = max(l.SendQueueMax, l.SendQueue)
	def(&l.SendStall, 10*time.Second)
	if l.MaxAuth <= 0 {
		l.MaxAuth = 16 << 10
	}
	if l.KeptHeaders <= 0 {
		l.KeptHeaders = keep.DefaultHeaders
	}
	if l.ClientErrors == 0 {
		l.ClientErrors = 50
	}
	def(&l.HandshakeTimeout, 15*time.Second)
	def(&l.PingInterval, 25*time.Second)
	def(&l.PingTimeout, 20*time.Second)
	def(&l.CloseTimeout, 5*time.Second)
	def(&l.CallTimeout, 10*time.Second)
	return l
}
