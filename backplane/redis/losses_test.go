package redis_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

const (
	stream    = "gatehouse:{gatehouse}:e"
	positions = "gatehouse:{gatehouse}:p"
)

// startTwo starts two nodes, of which the first one sends events that both receive.
func startTwo(t *testing.T, opts ...redis.Option) (a, b *logNode, before recorded) {
	t.Helper()
	a, b = startLog(t, opts...), startLog(t, opts...)
	a.send(200)
	for _, n := range []*logNode{a, b} {
		n.wantLast(a)
	}
	return a, b, a.recorded()
}

// What others do to the keys of a log, while nodes are connected.
func TestStreamsLossOfKeys(t *testing.T) {
	for name, lose := range map[string]func(s *redistest.Server){
		"FLUSHALL":                          func(s *redistest.Server) { s.Do("FLUSHALL") },
		"positions deleted":                 func(s *redistest.Server) { s.Do("DEL", positions) },
		"no last position":                  func(s *redistest.Server) { s.Do("HDEL", positions, "n") },
		"no base":                           func(s *redistest.Server) { s.Do("HDEL", positions, "b") },
		"a last position that is none":      func(s *redistest.Server) { s.Do("HSET", positions, "n", "nan") },
		"a last position that is huge":      func(s *redistest.Server) { s.Do("HSET", positions, "n", "1e300") },
		"a last position that was set back": func(s *redistest.Server) { s.Do("HSET", positions, "n", "7") },
		"entries of others":                 func(s *redistest.Server) { s.Do("XADD", stream, "*", "x", "y") },
		"an entry at the end":               func(s *redistest.Server) { s.Do("XADD", stream, "18446744073709551615-1", "x", "y") },
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			a, b, before := startTwo(t, redis.Address(server.Address), patiently)
			lose(server)
			a.send(10)
			a.wantLast(a)
			b.wantLast(a)
			wantLoss(t, before, 0, a, b)
			if got := b.recorded(); got.events != 210 {
				t.Errorf("%d events, want 210", got.events)
			}
		})
	}
}

func TestStreamsLossOfStream(t *testing.T) {
	server := redistest.Start(t)
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	resume := b.stopReading()
	a.send(200)
	a.wantLast(a)
	server.Do("DEL", stream)
	a.send(10)
	a.wantLast(a)
	resume()
	b.wantLast(a)
	wantLoss(t, before, 1, b)
	if got := a.recorded(); got.jumps+got.bases > 0 || got.events != 410 {
		t.Errorf("the node that has lost nothing: %+v", got)
	}
}

func TestStreamsTrimUnderReader(t *testing.T) {
	server := redistest.Start(t)
	a, b, before := startTwo(t, redis.Address(server.Address), patiently, redis.MaxMessages(100))
	resume := b.stopReading()
	a.send(2000)
	a.wantLast(a)
	resume()
	b.wantLast(a)
	wantLoss(t, before, 1, b)
	if got := a.recorded(); got.jumps+got.bases > 0 || got.events != 2200 {
		t.Errorf("the node that has read in time: %+v", got)
	}
	if n := server.Do("XLEN", stream); len(n) > 3 {
		t.Errorf("%s entries are kept, with MaxMessages(100)", n)
	}
}

func TestStreamsRestartEmpty(t *testing.T) {
	server := redistest.Start(t)
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	server.Kill()
	server.Restart()
	a.wantUps(2)
	b.wantUps(2)
	a.send(10)
	b.wantLast(a)
	wantLoss(t, before, 0, a, b)
}

// What reaches the log after later messages of the same node is not appended: it was sent before, by a connection that the node has lost.
func TestStreamsLate(t *testing.T) {
	server := redistest.Start(t)
	a := startLog(t, redis.Address(server.Address))
	a.send(3)
	a.wantLast(a)
	late := a.event()
	late.Seq = 2
	if err := a.Send(t.Context(), []*backplane.Message{late}); err != nil {
		t.Error(err)
	}
	a.send(1)
	a.wantLast(a)
	if n := a.events[late.Event]; n > 0 {
		t.Errorf("it was appended %d times", n)
	}
}

// A restart from a file that lacks the last entries, which the nodes have read.
func TestStreamsRestartWithoutTail(t *testing.T) {
	dir := t.TempDir()
	server := redistest.StartWith(t, "", "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", dir)
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	server.Kill()
	files, err := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files[0], info.Size()/2); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	if got := server.Do("XLEN", stream); got == "0" || got >= "2" && len(got) == 3 {
		t.Fatalf("%s entries are left", got)
	}
	a.wantUps(2)
	b.wantUps(2)
	a.send(10)
	a.wantLast(a)
	b.wantLast(a)
	wantLoss(t, before, 0, a, b)
}

// A replica that lacks the last 100 entries becomes the Redis of the nodes. A node that starts then, or reads slowly, does not
// miss the loss either.
func TestStreamsFailover(t *testing.T) {
	server := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(server.Address)
	replica := redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	var at atomic.Value
	at.Store(server.Address)
	opts := []redis.Option{redis.Address(server.Address), patiently, redis.Client(func(o *rueidis.ClientOption) {
		o.DialCtxFn = func(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", at.Load().(string))
		}
	})}
	testkit.Eventually(t, "the replica is there", func() bool { return strings.Contains(replica.Do("INFO", "replication"), "master_link_status:up") })
	a, b, before := startTwo(t, opts...)
	testkit.Eventually(t, "the replica has all", func() bool { return replica.Do("XLEN", stream) == server.Do("XLEN", stream) })
	replica.Do("REPLICAOF", "NO", "ONE")
	resume := b.stopReading()
	a.send(100)
	a.wantLast(a)
	lost := a.recorded()
	at.Store(replica.Address)
	server.Kill()
	a.wantUps(2)
	a.send(10)
	a.wantLast(a)
	resume()
	b.wantUps(2)
	b.wantLast(a)
	for _, n := range []*logNode{a, b} {
		if got := n.recorded(); got.doubled > 0 || got.bases == 0 || got.base <= lost.last {
			t.Errorf("after the failover: %+v, where positions were up to %d", got, lost.last)
		}
		if _, err := n.readAll(before.last, n.recorded().last); err == nil {
			t.Error("Read across the failover has no error")
		}
	}
	c := startLog(t, opts...)
	if got := c.recorded(); got.base != a.recorded().base {
		t.Errorf("a new node starts with the base %d, want %d", got.base, a.recorded().base)
	}
	c.send(1)
	a.wantLast(c)
}

// A promotion and back, without an event on the other one, is noticed though it is the same process.
func TestStreamsPromotionAndBack(t *testing.T) {
	server := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(server.Address)
	replica := redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	testkit.Eventually(t, "the replica is there", func() bool { return strings.Contains(replica.Do("INFO", "replication"), "master_link_status:up") })
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	testkit.Eventually(t, "the replica has all", func() bool { return replica.Do("XLEN", stream) == server.Do("XLEN", stream) })
	record := []backplane.Record{{Key: "client", Owner: "a.1", Value: []byte("rooms")}}
	if _, err := a.Save(t.Context(), record, time.Minute); err != nil {
		t.Fatal(err)
	}
	replica.Do("REPLICAOF", "NO", "ONE")
	a.send(50)
	a.wantLast(a)
	rhost, rport, _ := net.SplitHostPort(replica.Address)
	server.Do("REPLICAOF", rhost, rport)
	testkit.Eventually(t, "the other one is a replica", func() bool { return strings.Contains(server.Do("INFO", "replication"), "master_link_status:up") })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := a.Send(ctx, []*backplane.Message{a.event()}); err == nil {
		t.Error("Send to a replica returns no error")
	}
	server.Do("REPLICAOF", "NO", "ONE")
	a.wantUps(2)
	a.send(10)
	a.wantLast(a)
	b.wantLast(a)
	wantLoss(t, before, 0, a, b)

	if _, err := b.Take(t.Context(), "client", "b.1", time.Minute); !errors.Is(err, backplane.ErrNoRecord) {
		t.Errorf("a record from before is taken, error %v: it may be an older one", err)
	}
	if taken, err := a.Save(t.Context(), record, time.Minute); err != nil || len(taken) > 0 {
		t.Fatalf("taken %v, error %v", taken, err)
	}
	if r, err := b.Take(t.Context(), "client", "b.1", time.Minute); err != nil || r.Owner != "a.1" {
		t.Errorf("%+v, error %v, after it was stored again", r, err)
	}
}
