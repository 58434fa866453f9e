package cluster_test

import (
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/backplanetest"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
)

// The engine works with miniredis, which tests of applications may use without a redis-server.
func TestMiniredis(t *testing.T) {
	backplanetest.Run(t, func(testing.TB) backplanetest.Factory {
		m := miniredis.RunT(t)
		at := redis.Address(m.Addr()) // it has none while it is closed
		return backplanetest.Factory{
			New:  func() backplane.Backplane { return redis.Native(at, patientRedis) },
			Down: m.Close,
			Up: func() {
				if err := m.Restart(); err != nil {
					t.Error(err)
				}
			},
		}
	})
}
