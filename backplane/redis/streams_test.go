package redis_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/emit"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Entries that are none are ignored and counted, also many of them, and do not stop the reader.
func TestStreamsInvalidEntries(t *testing.T) {
	server := redistest.Start(t)
	a, b, _ := startTwo(t, redis.Address(server.Address), patiently)
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Address}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var cmds []rueidis.Completed
	for i := range 1000 {
		x := client.B().Xadd().Key(stream).Id("*").FieldValue()
		switch i % 5 {
		case 0:
			cmds = append(cmds, x.FieldValue("x", "y").Build())
		case 1:
			cmds = append(cmds, x.FieldValue("n", "-1").FieldValue("d", "x").Build())
		case 2:
			cmds = append(cmds, x.FieldValue("n", "99999999999999999999").FieldValue("d", "x").Build())
		case 3:
			cmds = append(cmds, x.FieldValue("n", "1").Build())
		default:
			cmds = append(cmds, x.FieldValue("d", "x").Build())
		}
	}
	for _, r := range client.DoMulti(t.Context(), cmds...) {
		if r.Error() != nil {
			t.Fatal(r.Error())
		}
	}
	a.send(10)
	b.wantLast(a)
	if got := b.recorded(); got.invalid < 1000 || got.events != 210 || got.bases == 0 {
		t.Errorf("%+v, want 1,000 invalid entries, 210 events and a new base", got)
	}
	if got, err := b.readAll(b.recorded().base, b.recorded().last); err != nil || got != 10 {
		t.Errorf("Read returns %d messages, %v", got, err)
	}
}

// Another value in the place of a key of the log is an error, and is left alone.
func TestStreamsKeysOfOthers(t *testing.T) {
	for _, key := range []string{stream, positions} {
		server := redistest.Start(t)
		server.Do("SET", key, "text")
		n := newLog(t, redis.Address(server.Address))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.Start(ctx, n.self, n); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
			t.Errorf("%s is another value: %v", key, err)
		}
		if got := server.Do("GET", key); got != "text" {
			t.Errorf("%s is %q now", key, got)
		}
	}
}

// A Redis without memory refuses events and records; the log goes on when it has some.
func TestStreamsWithoutMemory(t *testing.T) {
	server := redistest.Start(t)
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	server.Do("CONFIG", "SET", "maxmemory", "1")
	if err := a.Send(patient(t), []*backplane.Message{a.event()}); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Send: %v", err)
	}
	if _, err := a.Save(patient(t), []backplane.Record{{Key: "k", Owner: "o"}}, time.Minute); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Save: %v", err)
	}
	server.Do("CONFIG", "SET", "maxmemory", "0")
	a.send(10)
	b.wantLast(a)
	if got := b.recorded(); got.bases+got.jumps > 0 || got.last != before.last+10 || b.ups != 1 {
		t.Errorf("%+v, positions were up to %d before, connected %d times", got, before.last, b.ups)
	}
}

// Redis that has forgotten the scripts gets them again, in a Send of several frames too, whose order is kept.
func TestStreamsForgottenScripts(t *testing.T) {
	server := redistest.Start(t)
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	a.Save(patient(t), []backplane.Record{{Key: "k", Owner: "o"}}, time.Minute)
	server.Do("SCRIPT", "FLUSH")
	var batch []*backplane.Message
	for range 20 { // holes in the numbers make frames of one message
		m := a.event()
		m.Seq *= 2
		batch = append(batch, m)
	}
	if err := a.Send(patient(t), batch); err != nil {
		t.Fatal(err)
	}
	b.wantLast(a)
	if got := b.recorded(); got.last != before.last+20 || got.bases+got.jumps > 0 {
		t.Errorf("%+v", got)
	}
	server.Do("SCRIPT", "FLUSH")
	if taken, err := a.Save(patient(t), []backplane.Record{{Key: "k", Owner: "p"}, {Key: "l", Owner: "o"}}, time.Minute); err != nil || len(taken) != 1 {
		t.Errorf("Save: %v, %v", taken, err)
	}
}

// A Redis that is busy with a script of others refuses or delays; nothing of the log is lost in silence.
func TestStreamsBusy(t *testing.T) {
	server := redistest.Start(t, "--busy-reply-threshold", "10")
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	done := make(chan string, 1)
	go func() { done <- server.Do("EVAL", "while true do end", "0") }()
	testkit.Eventually(t, "Redis is busy", func() bool { return strings.HasPrefix(server.Do("PING"), "-BUSY") })
	if err := a.Send(patient(t), []*backplane.Message{a.event()}); err == nil || !strings.Contains(err.Error(), "BUSY") {
		t.Errorf("Send: %v", err)
	}
	server.Do("SCRIPT", "KILL")
	if got := testkit.Receive(t, "the end of the script", done); !strings.Contains(got, "killed") {
		t.Error(got)
	}
	a.send(10)
	b.wantLast(a)
	if got := b.recorded(); got.bases+got.jumps > 0 || got.last != before.last+10 {
		t.Errorf("%+v", got)
	}
}

// Many large frames arrive at a reader that was stopped; it reads fewer at a time.
func TestStreamsLargeFrames(t *testing.T) {
	server := redistest.Start(t)
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	resume := b.stopReading()
	const count = 40
	text := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	for range count {
		m := a.event()
		m.Payload.JSON = text
		if err := a.Send(patient(t), []*backplane.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	resume()
	b.wantLast(a)
	if got := b.recorded(); got.jumps+got.bases > 0 || got.last != before.last+count {
		t.Errorf("%+v", got)
	}
	if got, err := b.readAll(before.last, before.last+count); err != nil || got != count {
		t.Errorf("Read returns %d messages, %v", got, err)
	}
}

// A call that its caller no longer waits for, of a Redis that does not answer, leaves the connection alone.
func TestStreamsSlow(t *testing.T) {
	server := redistest.Start(t)
	a, _, _ := startTwo(t, redis.Address(server.Address), patiently)
	server.Freeze()
	for what, f := range map[string]func(ctx context.Context) error{
		"Save": func(ctx context.Context) error {
			_, err := a.Save(ctx, []backplane.Record{{Key: "k", Owner: "o"}}, time.Minute)
			return err
		},
		"Take": func(ctx context.Context) error { _, err := a.Take(ctx, "k", "p", time.Minute); return err },
		"Read": func(ctx context.Context) error {
			return a.Read(ctx, a.recorded().base, a.recorded().last, func(backplane.Entry) error { return nil })
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		atMost(t, what, 100*time.Millisecond, func() {
			if err := f(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", what, err)
			}
		})
		cancel()
	}
	server.Thaw()
	a.send(1)
	a.wantLast(a)
	if a.ups != 1 {
		t.Errorf("connected %d times", a.ups)
	}
}

// Entries are removed when they are older than what is kept, and the keys expire without nodes.
func TestStreamsRetention(t *testing.T) {
	server := redistest.Start(t)
	a, _, before := startTwo(t, redis.Address(server.Address), patiently, redis.Retention(time.Second))
	if got := a.Retention(); got != time.Second {
		t.Errorf("Retention is %v", got)
	}
	testkit.Eventually(t, "old entries are removed", func() bool {
		n := server.Do("XLEN", stream)
		return len(n) < 3 || n < "110"
	})
	if _, err := a.readAll(before.base, before.last); !errors.Is(err, backplane.ErrPosition) {
		t.Errorf("Read: %v", err)
	}
	for _, key := range []string{stream, positions} {
		if got := server.Do("TTL", key); got < "864" || len(got) != 5 { // a day
			t.Errorf("%s expires after %s s", key, got)
		}
	}
	if a.recorded().bases > 0 {
		t.Error("there is a new base")
	}
}

// The user of the page can do all that is needed.
func TestStreamsRights(t *testing.T) {
	server := redistest.Start(t)
	rights := rightsOfThePage(t, "+xadd")
	if got := server.Do(append([]string{"ACL", "SETUSER", "shop", "on", ">password"}, rights...)...); got != "OK" {
		t.Fatal(got)
	}
	opts := []redis.Option{redis.Address(server.Address), redis.Credentials("shop", "password"), redis.Prefix("shop"), patiently}
	a, b, before := startTwo(t, opts...)
	if _, err := a.readAll(before.base, before.last); err != nil {
		t.Error(err)
	}
	r := backplane.Record{Key: "k", Owner: "o"}
	_, saved := a.Save(patient(t), []backplane.Record{r}, time.Minute)
	_, refreshed := a.Refresh(patient(t), []backplane.Record{r}, time.Minute)
	_, taken := b.Take(patient(t), "k", "p", time.Minute)
	if err := errors.Join(saved, refreshed, taken, a.Drop(patient(t), []backplane.Record{r})); err != nil {
		t.Error(err)
	}
	server.Do("FLUSHALL")
	a.send(1)
	b.wantLast(a)
	server.Do("XADD", "shop:{shop}:e", "18446744073709551615-1", "x", "y")
	a.send(1)
	b.wantLast(a)
	for i, right := range rights {
		if !strings.HasPrefix(right, "+") || right == "+ping" { // its refusal has no consequence
			continue
		}
		server.Do("SCRIPT", "FLUSH")
		less := append(append([]string{"ACL", "SETUSER", fmt.Sprint("less", i), "on", ">password"}, rights[:i]...), rights[i+1:]...)
		server.Do(less...)
		n := newLog(t, append(opts, redis.Credentials(fmt.Sprint("less", i), "password"))...)
		if err := n.misses(t, server); err == nil || !strings.Contains(err.Error(), "the user needs") {
			t.Errorf("without %s: %v", right, err)
		}
	}
}

// misses does everything that an engine can do, and returns the first error.
func (n *logNode) misses(t *testing.T, server *redistest.Server) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if err := n.Start(ctx, n.self, n); err != nil {
		return err
	}
	if err := n.Interest(ctx, []string{"a", "b"}, []string{"a"}); err != nil {
		return err
	}
	if err := n.Send(ctx, []*backplane.Message{n.event(), {Kind: backplane.Event, Origin: n.self.ID, Channel: "b"}}); err != nil {
		return err
	}
	server.Do("DEL", "shop:{shop}:p")
	if err := n.Send(ctx, []*backplane.Message{n.event()}); err != nil {
		return err
	}
	r := []backplane.Record{{Key: "k2", Owner: "o"}}
	if _, err := n.Save(ctx, r, time.Minute); err != nil {
		return err
	}
	if _, err := n.Refresh(ctx, r, time.Minute); err != nil {
		return err
	}
	if _, err := n.Take(ctx, "k2", "o", time.Minute); err != nil {
		return err
	}
	if err := n.Drop(ctx, r); err != nil {
		return err
	}
	s := n.recorded()
	if err := n.Read(ctx, s.base, s.last, func(backplane.Entry) error { return nil }); err != nil && !errors.Is(err, backplane.ErrPosition) {
		return err
	}
	server.Do("XADD", "shop:{shop}:e", "18446744073709551615-1", "x", "y")
	return n.Send(ctx, []*backplane.Message{n.event()})
}

// rightsOfThePage are those of the rule on the page that has a command.
func rightsOfThePage(t *testing.T, command string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		if rule, ok := strings.CutPrefix(line, "ACL SETUSER shop on >password "); ok && strings.Contains(rule, command) {
			return strings.Fields(rule)
		}
	}
	t.Fatal("the page has no such rule")
	return nil
}

// A program that is no node appends to the log too.
func TestStreamsEmitter(t *testing.T) {
	server := redistest.Start(t)
	a, b, before := startTwo(t, redis.Address(server.Address), patiently)
	e, err := emit.Connect(patient(t), redis.Streams(redis.Address(server.Address), patiently), emit.SocketIO("/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	if err := errors.Join(e.Emit(patient(t), "first", 1), e.To("room").Join(patient(t), "other"), e.Emit(patient(t), "last", 2)); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*logNode{a, b} {
		if !n.cond.Wait(testkit.Patience, func() bool { return n.events["last"] == 1 && n.events["first"] == 1 }) {
			t.Fatalf("%+v", n.recorded())
		}
		if got := n.recorded(); got.last != before.last+3 || got.jumps+got.bases > 0 {
			t.Errorf("%+v, positions were up to %d", got, before.last)
		}
	}
	if got, err := a.readAll(before.last, before.last+3); err != nil || got != 3 {
		t.Errorf("Read returns %d messages, %v", got, err)
	}
}

// The keys of a log are in one slot of a Redis Cluster, and records in all.
func TestStreamsCluster(t *testing.T) {
	servers := startCluster(t)
	opts := []redis.Option{redis.Address(servers[0].Address, servers[1].Address), redis.Cluster(), patiently}
	a, b, before := startTwo(t, opts...)
	if got, err := b.readAll(before.base, before.last); err != nil || got != 200 {
		t.Errorf("Read returns %d messages, %v", got, err)
	}
	var all []backplane.Record
	for i := range 50 {
		all = append(all, backplane.Record{Key: fmt.Sprint("k", i), Owner: "o", Value: []byte("v")})
	}
	if taken, err := a.Save(patient(t), all, time.Minute); err != nil || len(taken) > 0 {
		t.Fatal(taken, err)
	}
	for _, r := range all {
		if got, err := b.Take(patient(t), r.Key, "p", time.Minute); err != nil || string(got.Value) != "v" {
			t.Fatal(got, err)
		}
	}
	if taken, err := a.Save(patient(t), all, time.Minute); err != nil || len(taken) != len(all) {
		t.Error(taken, err)
	}
	if err := redis.Streams(append(opts, redis.Prefix("a{b"))...).Start(patient(t), a.self, a); err == nil || !strings.Contains(err.Error(), "braces") {
		t.Errorf("a prefix with braces: %v", err)
	}
}

func TestStreamsOptions(t *testing.T) {
	for want, o := range map[string]redis.Option{"Retention": redis.Retention(time.Millisecond), "MaxMessages": redis.MaxMessages(0)} {
		n := newLog(t, o)
		var setup *backplane.SetupError
		if err := n.Start(patient(t), n.self, n); !errors.As(err, &setup) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if got := redis.Streams().Retention(); got != redis.DefaultRetention {
		t.Errorf("Retention is %v", got)
	}
}

// The older version of the protocol has other forms of what is read.
func TestStreamsRESP2(t *testing.T) {
	server := redistest.Start(t)
	old := redis.Client(func(o *rueidis.ClientOption) { o.AlwaysRESP2 = true })
	a, b, before := startTwo(t, redis.Address(server.Address), patiently, old)
	if got, err := b.readAll(before.base, before.last); err != nil || got != 200 {
		t.Errorf("Read returns %d messages, %v", got, err)
	}
	if taken, err := a.Save(patient(t), []backplane.Record{{Key: "k", Owner: "o"}}, time.Minute); err != nil || len(taken) > 0 {
		t.Error(taken, err)
	}
	if r, err := b.Take(patient(t), "k", "p", time.Minute); err != nil || r.Owner != "o" {
		t.Errorf("Take: %+v, %v", r, err)
	}
	if _, err := b.Take(patient(t), "none", "p", time.Minute); !errors.Is(err, backplane.ErrNoRecord) {
		t.Errorf("Take: %v", err)
	}
}
