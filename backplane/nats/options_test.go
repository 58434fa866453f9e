package nats_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// inbound is a framework that expects no call.
type inbound struct{ t testing.TB }

func (in inbound) ReceiveFrame(string, []byte) bool {
	in.t.Error("ReceiveFrame is called")
	return true
}
func (in inbound) Receive([]*backplane.Message) int { in.t.Error("Receive is called"); return 0 }
func (in inbound) NoNode(*backplane.Message)        { in.t.Error("NoNode is called") }
func (in inbound) Link(up, lost bool, err error) {
	in.t.Errorf("Link(%v, %v, %v) is called", up, lost, err)
}

// start returns the error of an engine that cannot connect.
func start(t testing.TB, opts ...nats.Option) error {
	t.Helper()
	return startWithin(t, 300*time.Millisecond, opts...)
}

// startWithReason returns the error of an engine that cannot connect, which it has at its first attempt. On a loaded
// machine that takes longer than the first deadline.
func startWithReason(t testing.TB, opts ...nats.Option) (err error) {
	t.Helper()
	for wait := 300 * time.Millisecond; wait < testkit.Patience; wait *= 5 {
		if err = startWithin(t, wait, opts...); err == nil || !strings.HasSuffix(err.Error(), ": not connected") {
			break
		}
	}
	return err
}

func startWithin(t testing.TB, wait time.Duration, opts ...nats.Option) error {
	t.Helper()
	e := nats.New(opts...)
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	err := e.Start(ctx, backplane.Node{ID: "00000000000000aa"}, inbound{t})
	stopCtx, cancelStop := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancelStop()
	if err := e.Stop(stopCtx); err != nil {
		t.Error(err)
	}
	return err
}

func TestWrongOptions(t *testing.T) {
	notThere := filepath.Join(t.TempDir(), "none")
	for want, o := range map[string]nats.Option{
		"nats: URL: one is not of the form nats://host:4222: correct it":                                                                 nats.URL("nats://user:pass word@host:x"),
		"nats: URL is empty: set the variable that it is from, or leave the option out for nats://127.0.0.1:4222":                        nats.URL(""),
		"nats: URL: there is none: pass one, or leave the option out":                                                                    nats.URL(),
		`nats: Prefix "a..b": it is empty or has a space, one of *> or an empty part, which subjects of NATS must not have: use another`: nats.Prefix("a..b"),
		`nats: Prefix "a.*": it is empty or has a space, one of *> or an empty part, which subjects of NATS must not have: use another`:  nats.Prefix("a.*"),
		`nats: Prefix "": it is empty or has a space, one of *> or an empty part, which subjects of NATS must not have: use another`:     nats.Prefix(""),
		"nats: MaxPayload of 100 bytes: it must have 4096 at least":                                                                      nats.MaxPayload(100),
		"NKeyFile: nats: open " + notThere + ": no such file or directory":                                                               nats.NKeyFile(notThere),
	} {
		err := start(t, o)
		if err == nil || err.Error() != want {
			t.Errorf("Start: %v, want %s", err, want)
		}
		if _, is := errors.AsType[*backplane.SetupError](err); !is {
			t.Errorf("%v is a %T, with which applications start", err, err)
		}
	}
}

// An unreachable server is an error that names it, without user and password.
func TestUnreachable(t *testing.T) {
	closed := testkit.FreeAddress(t)
	err := startWithReason(t, nats.URL("nats://user:pass@"+closed))
	want := "not connected: nats at " + closed + ": dial tcp " + closed + ": connect: connection refused"
	if err == nil || err.Error() != want || !errors.Is(err, nats.ErrNotConnected) {
		t.Errorf("Start: %v, want %s", err, want)
	}
	for _, o := range [][]nats.Option{
		{nats.URL("nats://user:pass@localhost:1, tls://token@127.0.0.1:1")},
		{nats.URL("127.0.0.1:1"), nats.Credentials("user", "pass"), nats.Token("token")},
		{nats.URL("ws://user:pass@127.0.0.1:1")},
		{nats.URL("nats://user:pass@host.invalid")},
	} {
		err := start(t, o...)
		if !errors.Is(err, nats.ErrNotConnected) || strings.Contains(err.Error(), "pass") || strings.Contains(err.Error(), "user") || strings.Contains(err.Error(), "token") {
			t.Errorf("Start: %v, want that it is not connected, without secrets", err)
		}
	}
}

// Stop ends an attempt to connect to a server that accepts connections and says nothing.
func TestStopWhileConnecting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	started := time.Now()
	err = start(t, nats.URL(l.Addr().String()), nats.Client(func(o *natsgo.Options) { o.Timeout = time.Minute }))
	if err == nil || time.Since(started) > 20*time.Second {
		t.Errorf("Start: %v, Start and Stop took %v", err, time.Since(started))
	}
}

// Traits and Name are known before the start; a wrong credentials file is an error of Start.
func TestBeforeStart(t *testing.T) {
	e := nats.New(nats.MaxPayload(64 << 10))
	if got := e.Traits(); !got.Direct || !got.Interest || !got.Receipts || got.Loopback || got.MaxBytes <= 60<<10 || got.MaxBytes >= 64<<10 {
		t.Errorf("Traits: %+v", got)
	}
	ctx := t.Context()
	if err := e.Send(ctx, nil); !errors.Is(err, nats.ErrStopped) {
		t.Errorf("Send before Start: %v", err)
	}
	if err := e.Interest(ctx, []string{"e"}, nil); !errors.Is(err, nats.ErrStopped) {
		t.Errorf("Interest before Start: %v", err)
	}
	if err := e.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := e.Start(ctx, backplane.Node{ID: "00000000000000aa"}, inbound{t}); err == nil {
		t.Error("Start after Stop returns no error")
	}
	empty := filepath.Join(t.TempDir(), "empty.creds")
	if err := os.WriteFile(empty, []byte("no seed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := start(t, nats.NKeyFile(empty)); err == nil || !strings.HasPrefix(err.Error(), "NKeyFile: ") {
		t.Errorf("Start with an empty file: %v", err)
	}
}
