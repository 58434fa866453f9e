package cluster_test

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// patientRedis has no connection count as lost because a loaded machine answers late.
var patientRedis = redis.Client(func(o *rueidis.ClientOption) {
	o.ConnWriteTimeout, o.Dialer.Timeout = testkit.Patience, testkit.Patience
})

// service makes the engines of the nodes of one test.
type service func() backplane.Backplane

// services are those that the tests of onEachService run with.
var services = []struct {
	name  string
	start func(t *testing.T) service
}{
	{"memory", func(*testing.T) service {
		bus := memory.NewBus()
		return func() backplane.Backplane { return bus.Node() }
	}},
	{"redis", func(t *testing.T) service {
		server := redistest.Start(t)
		return func() backplane.Backplane { return redis.Native(redis.Address(server.Address), patientRedis) }
	}},
	{"nats", func(t *testing.T) service {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		testkit.Eventually(t, "NATS runs", func() bool { return s.Addr() != nil })
		patient := nats.Client(func(o *natsgo.Options) { o.Timeout, o.PingInterval = testkit.Patience, testkit.Patience })
		return func() backplane.Backplane { return nats.New(nats.URL(s.Addr().String()), patient) }
	}},
	{"nats/embedded", func(*testing.T) service {
		var made []*embedded.Engine
		return func() backplane.Backplane {
			var peers []string
			for _, e := range made {
				if a := e.Addr(); a != nil {
					peers = append(peers, a.String())
				}
			}
			made = append(made, embedded.New(embedded.Listen("127.0.0.1:0"), embedded.Secret("secret"), embedded.Peers(peers...),
				embedded.Logger(slog.New(slog.DiscardHandler))))
			return made[len(made)-1]
		}
	}},
}

// streamsService is a Redis with a log.
func streamsService(t *testing.T) service {
	server := redistest.Start(t)
	return func() backplane.Backplane { return redis.Streams(redis.Address(server.Address), patientRedis) }
}

// onEachService runs a test with each service, except some.
func onEachService(t *testing.T, test func(t *testing.T, s service), except ...string) {
	t.Helper()
	for _, s := range services {
		if slices.Contains(except, s.name) {
			continue
		}
		t.Run(s.name, func(t *testing.T) { test(t, s.start(t)) })
	}
}
