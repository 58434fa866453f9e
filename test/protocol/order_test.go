package protocol_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestOrderOverUpgrade: packets of either side before, during and after an upgrade arrive in
// order, and none is lost.
func TestOrderOverUpgrade(t *testing.T) {
	const each = 50
	b := newBench(t, calm)
	for name, to := range map[string]*target{"node": b.node, "gatehouse": b.ours} {
		t.Run(name+"/client", func(t *testing.T) {
			c := newUpgrader(t, to)
			next := 0
			burst := func() string {
				var packets []string
				for range each {
					packets = append(packets, fmt.Sprintf(`42["message",%d]`, next))
					next++
				}
				return strings.Join(packets, "\x1e")
			}
			c.post(burst())
			c.post(burst())
			c.probe()
			c.post(burst())
			c.pause()
			c.post(burst())
			c.finish()
			for range 2 {
				c.s.send(strings.Split(burst(), "\x1e")...)
			}
			got := c.rest(next)
			for i, packet := range got {
				if want := fmt.Sprintf(`42["message-back",%d]`, i); packet != want {
					t.Fatalf("packet %d is %s", i, packet)
				}
			}
		})
		t.Run(name+"/server", func(t *testing.T) {
			c := newUpgrader(t, to)
			ask := func(id int) string { return fmt.Sprintf(`42%d["ticks",%d]`, id, each) }
			c.post(ask(1))
			c.probe()
			c.post(ask(2))
			c.pause()
			c.post(ask(3))
			c.finish()
			c.s.send(ask(4))
			got := c.rest(4 * (each + 1))
			for i, packet := range got {
				burst, at := i/(each+1), i%(each+1)
				want := fmt.Sprintf(`42["tick",%d]`, at)
				if at == each {
					want = fmt.Sprintf(`43%d[%d]`, burst+1, each)
				}
				if packet != want {
					t.Fatalf("packet %d is %s, want %s", i, packet, want)
				}
			}
		})
		t.Run(name+"/poll ends with data", func(t *testing.T) {
			p := &play{t: t, target: to}
			p.enter()
			s := p.dialSession()
			s.send("2probe")
			if got := s.next(); got != "3probe" {
				t.Fatalf("the probe is answered by %q", got)
			}
			// Without a waiting poll, this must arrive over the websocket.
			p.startPost(`42["message","late"]`).answer()
			p.settle()
			s.send("5")
			if got := s.next(); got != `42["message-back","late"]` {
				t.Errorf("received after the upgrade: %q", got)
			}
		})
	}
}

// upgrader is a client that polls while it upgrades, like npm's.
type upgrader struct {
	*play
	s       *socket
	stop    chan struct{}
	stopped chan []string
}

func newUpgrader(t *testing.T, to *target) *upgrader {
	t.Helper()
	u := &upgrader{play: &play{t: t, target: to}, stop: make(chan struct{}), stopped: make(chan []string, 1)}
	u.enter()
	path := u.path("polling")
	go func() {
		var got []string
		for {
			select {
			case <-u.stop:
				u.stopped <- got
				return
			default:
			}
			a := send(t, to.addr, "GET", path, "").answer()
			if a.status != 200 {
				got = append(got, a.String())
				<-u.stop
				continue
			}
			got = append(got, strings.Split(a.body, "\x1e")...)
		}
	}()
	return u
}

func (u *upgrader) post(body string) {
	u.t.Helper()
	if a := u.startPost(body).answer(); a.body != "ok" {
		u.t.Fatalf("POST: %v", a)
	}
}

func (u *upgrader) probe() {
	u.t.Helper()
	u.s = u.dialSession()
	u.s.send("2probe")
	if got := u.s.next(); got != "3probe" {
		u.t.Fatalf("the probe is answered by %q", got)
	}
}

// pause stops polling after the waiting poll, which the server ends.
func (u *upgrader) pause() {
	u.t.Helper()
	close(u.stop)
	u.stopped <- <-u.stopped
}

func (u *upgrader) finish() { u.s.send("5") }

// rest returns the n packets that arrived over either transport.
func (u *upgrader) rest(n int) []string {
	u.t.Helper()
	var got []string
	for _, packet := range <-u.stopped {
		if packet != "6" {
			got = append(got, packet)
		}
	}
	u.t.Logf("%d of %d packets arrived by polling", len(got), n)
	for len(got) < n {
		f := u.s.nextFrame()
		if f.ended {
			u.t.Fatalf("%s after %d of %d packets", f.text, len(got), n)
		}
		got = append(got, f.text)
	}
	return got
}
