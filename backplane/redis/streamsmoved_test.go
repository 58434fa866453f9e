package redis_test

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// A log whose slot is at another Redis of the cluster now is found there.
func TestStreamsMoved(t *testing.T) {
	servers := startCluster(t)
	a, b, before := startTwo(t, redis.Address(servers[0].Address, servers[1].Address), redis.Cluster(), patiently)
	slot := servers[0].Do("CLUSTER", "KEYSLOT", stream)
	from, to := servers[0], servers[1]
	if from.Do("XLEN", stream) != "201" {
		from, to = to, from
	}
	from.Do("FLUSHALL")
	id := to.Do("CLUSTER", "MYID")
	for _, s := range servers {
		if got := s.Do("CLUSTER", "SETSLOT", slot, "NODE", id); got != "OK" {
			t.Fatal(got)
		}
	}
	testkit.Eventually(t, "an event is sent again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return a.Send(ctx, []*backplane.Message{a.event()}) == nil
	})
	a.wantLast(a)
	b.wantLast(a)
	wantLoss(t, before, 0, a, b)
	if got := to.Do("EXISTS", stream, positions); got != "2" {
		t.Errorf("the other Redis has %s keys", got)
	}
}
