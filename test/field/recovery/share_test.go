package recovery_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
)

// proxied lets handshakes name their client's address.
var proxied = stage.App(app.TrustedProxies("127.0.0.1"))

func from(address string) string { return "X-Forwarded-For: " + address }

// shortConnections opens so many connections one after the other, and loses each after its first event. The nth
// comes from address(n).
func shortConnections(t *testing.T, s *stage.Stage, n int, address func(n int) string) {
	t.Helper()
	before := len(s.Reasons())
	var all sync.WaitGroup
	const lines = 8
	for line := range lines {
		all.Go(func() {
			for i := line; i < n; i += lines {
				if err := shortConnection(t, s, address(i)); err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
			}
		})
	}
	all.Wait()
	s.WantReasons(before + n)
}

func shortConnection(t *testing.T, s *stage.Stage, address string) error {
	p, err := rawpeer.TryDial(t, s.Addr)
	if err != nil {
		return err
	}
	defer p.Abort()
	if err := p.TryWrite(rawpeer.Upgrade("/socket.io/?EIO=4&transport=websocket", from(address))); err != nil {
		return err
	}
	if a, err := p.TryAnswer(); err != nil || a.Status != 101 {
		return fmt.Errorf("the handshake was answered %d, %w", a.Status, err)
	}
	for _, step := range [][2]string{{"40", "40"}, {`421["echo","."]`, "431"}} { // then HandleConnection has returned
		if err := p.TrySend(step[0]); err != nil {
			return err
		}
		for text := ""; !strings.HasPrefix(text, step[1]); {
			if text, err = p.TryText(); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestField_X07_ShortConnections: 10,004 short connections of one address do not evict the absent client of another
// one, which is recovered with what it missed.
func TestField_X07_ShortConnections(t *testing.T) {
	w := ways.Own()[0]
	s := newStage(t, w, &socketio.Recovery{MaxDisconnection: time.Hour}, proxied) // a busy machine needs minutes for so many
	c := connect(t, s, w, from("198.51.100.1"))
	c.emit("first")
	c.want("first")
	c.cut()
	shortConnections(t, s, 10_004, func(int) string { return "203.0.113.7" })
	c.emit("second")
	c.back(true, "second")
}

// TestField_X07_OneNetwork: Addresses of one /64 of IPv6 are one client address: of 150 connections of such a network
// the last 100 can be recovered.
func TestField_X07_OneNetwork(t *testing.T) {
	w := ways.Own()[0]
	s := newStage(t, w, &socketio.Recovery{}, proxied)
	var all []*client
	for i := range 150 {
		c := connect(t, s, w, from(fmt.Sprintf("2001:db8:0:7::%x", i+1)))
		c.emit("first")
		c.want("first")
		c.cut()
		all = append(all, c)
	}
	for i, c := range all {
		c.back(i >= 50)
	}
}

// TestField_X07_LargestHolder: If a server has its most absent clients, the next one evicts one of the address with
// the most of them: 30 clients of one address do not evict those of others.
func TestField_X07_LargestHolder(t *testing.T) {
	w := ways.Own()[0]
	s := newStage(t, w, &socketio.Recovery{MaxClients: 20}, proxied)
	var others []*client
	for i := range 10 {
		c := connect(t, s, w, from(fmt.Sprintf("198.51.100.%d", i)))
		c.emit("first")
		c.want("first")
		c.cut()
		others = append(others, c)
	}
	shortConnections(t, s, 30, func(int) string { return "203.0.113.7" })
	for _, c := range others {
		c.emit("second")
		c.back(true, "second")
	}
}

// TestField_X07_ProxyThatIsNotConfigured: Clients behind a proxy that the application does not name are not limited
// together: 150 of them can be recovered.
func TestField_X07_ProxyThatIsNotConfigured(t *testing.T) {
	w := ways.Own()[0]
	s := newStage(t, w, &socketio.Recovery{})
	var all []*client
	for range 150 {
		c := connect(t, s, w)
		c.emit("first")
		c.want("first")
		c.cut()
		all = append(all, c)
	}
	for _, c := range all {
		c.back(true)
	}
}
