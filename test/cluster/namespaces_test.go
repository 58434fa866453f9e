package cluster_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

const (
	manyNamespaces = 10_000
	perConnection  = 100 // the default of socketio.Options.MaxNamespaces
)

// orgs connects clients to namespaces of a pattern, each to its own.
func (n *node) orgs(t *testing.T, from, to int) (all []*rawpeer.Socket) {
	t.Helper()
	for ; from < to; from += perConnection {
		s := rawpeer.NewEngine(t, n.App.App().Addr().String()).WebSocket()
		for i := from; i < from+perConnection; i++ {
			s.Send(fmt.Sprintf("40/orgs/%d,", i))
		}
		for entered := 0; entered < perConnection; {
			if strings.HasPrefix(s.Read(), "40/orgs/") {
				entered++
			}
		}
		all = append(all, s)
	}
	return all
}

// subscriptions are the channels and patterns that a Redis has subscribers for.
func subscriptions(server *redistest.Server) string {
	channels := strings.Split(server.Do("PUBSUB", "CHANNELS"), "\n")
	slices.Sort(channels)
	return strings.Join(channels, " ") + " and patterns: " + server.Do("PUBSUB", "NUMPAT")
}

// 10,000 namespaces of a pattern need no more subscriptions than one, and clients of each receive what another node emits
// there. NAMESPACES=1: also an event costs Redis the same, within 10 %.
func TestRedisManyNamespaces(t *testing.T) {
	server := redistest.Start(t)
	all := onRedis(t, server, 2)
	a, b := all[0], all[1]
	go func() {
		for range manyNamespaces {
			<-b.left
		}
	}()
	b.orgs(t, 0, perConnection)
	before := subscriptions(server)
	if !strings.HasSuffix(before, "patterns: 0") || strings.Count(before, "gatehouse:") != 3+len(all) {
		t.Errorf("subscriptions: %s, want those of all nodes and one for each node", before)
	}
	sockets := b.orgs(t, perConnection, manyNamespaces)
	if got := subscriptions(server); got != before {
		t.Errorf("with %d namespaces: %s, want %s", manyNamespaces, got, before)
	}
	for i, s := range sockets {
		org := (i+1)*perConnection + i%perConnection
		if err := a.server.Of(fmt.Sprint("/orgs/", org)).Emit(t.Context(), "e", i); err != nil {
			t.Fatal(err)
		}
		s.Want(fmt.Sprintf(`42/orgs/%d,["e",%d]`, org, i))
	}
	if os.Getenv("NAMESPACES") == "" {
		return
	}
	const rounds, events = 9, 5000
	var one, many []float64
	for range rounds {
		one = append(one, a.costs(t, server, events, func(int) string { return "/orgs/none" }))
		many = append(many, a.costs(t, server, events, func(i int) string { return fmt.Sprint("/orgs/none", i*7919%manyNamespaces) }))
	}
	slices.Sort(one)
	slices.Sort(many)
	t.Logf("microseconds of PUBLISH: one namespace %.3f (%.3f to %.3f), %d namespaces %.3f (%.3f to %.3f)",
		one[rounds/2], one[0], one[rounds-1], manyNamespaces, many[rounds/2], many[0], many[rounds-1])
	if many[rounds/2] > 1.1*one[rounds/2] {
		t.Errorf("an event costs %.3f of that with one namespace", many[rounds/2]/one[rounds/2])
	}
}

// costs returns how many microseconds a PUBLISH takes Redis, with one event in each.
func (n *node) costs(t *testing.T, server *redistest.Server, events int, namespace func(i int) string) float64 {
	t.Helper()
	server.Do("CONFIG", "RESETSTAT")
	for i := range events {
		if err := n.server.Of(namespace(i)).Emit(t.Context(), "e", 1); err != nil {
			t.Fatal(err)
		}
		sent := n.App.App().Stats().Backplane.Batches
		testkit.WithinEvery(50*time.Microsecond, testkit.Patience, func() bool {
			s := n.App.App().Stats().Backplane
			return s.Queued == 0 && s.Batches >= sent
		})
	}
	_, rest, _ := strings.Cut(server.Do("INFO", "commandstats"), "cmdstat_publish:")
	_, rest, _ = strings.Cut(rest, "usec_per_call=")
	cost, err := strconv.ParseFloat(rest[:strings.IndexAny(rest, ",\r\n")], 64)
	if err != nil {
		t.Fatal(err)
	}
	return cost
}
