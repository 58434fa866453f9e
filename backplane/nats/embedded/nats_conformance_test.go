package embedded_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/backplanetest"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
)

// These tests of package nats are here because they need a server: the module of package nats does
// not require one.

// patiently has no connection count as lost because a loaded machine answers late.
var patiently = nats.Client(func(o *natsgo.Options) { o.Timeout, o.PingInterval = patience, patience })

func TestConformanceOfNATS(t *testing.T) {
	backplanetest.Run(t, func(t testing.TB) backplanetest.Factory {
		p := newProxy(t, service(t, nil))
		return backplanetest.Factory{
			New:  func() backplane.Backplane { return nats.New(nats.URL(p.at), patiently) },
			Down: p.cut, Up: p.up, Freeze: p.freeze, Thaw: p.thaw,
		}
	})
}

// service starts a NATS server, and returns its address.
func service(t testing.TB, change func(*server.Options)) string {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true}
	if change != nil {
		change(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return s.Addr().String()
}
