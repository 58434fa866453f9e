package redis_test

import (
	"testing"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/backplanetest"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// patiently has no connection count as lost because a loaded machine answers late.
var patiently = redis.Client(func(o *rueidis.ClientOption) {
	o.ConnWriteTimeout, o.Dialer.Timeout = testkit.Patience, testkit.Patience
})

func TestConformance(t *testing.T) {
	for name, engine := range map[string]func(...redis.Option) backplane.Backplane{
		"native": func(opts ...redis.Option) backplane.Backplane { return redis.Native(opts...) },
		"Socket.IO": func(opts ...redis.Option) backplane.Backplane {
			e := redis.SocketIO(opts...)
			e.SetEndpoints([]backplane.Endpoint{{Key: 1, Platform: "socketio", Namespace: "/"}})
			return e
		},
		"Streams": func(opts ...redis.Option) backplane.Backplane { return redis.Streams(opts...) },
	} {
		t.Run(name, func(t *testing.T) {
			backplanetest.Run(t, func(t testing.TB) backplanetest.Factory {
				server := redistest.Start(t)
				return backplanetest.Factory{
					New:  func() backplane.Backplane { return engine(redis.Address(server.Address), patiently) },
					Down: server.Kill, Up: server.Restart, Freeze: server.Freeze, Thaw: server.Thaw,
					Forget: func() { server.Do("FLUSHALL") },
					Trim:   func() { server.Do("XTRIM", "gatehouse:{gatehouse}:e", "MAXLEN", "0") },
				}
			})
		})
	}
}
