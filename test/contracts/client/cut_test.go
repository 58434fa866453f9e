package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// proxy passes connections on to an address, which may change, and cuts them.
type proxy struct {
	net.Listener

	mu     sync.Mutex
	target string
	conns  map[net.Conn]bool
	all    sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, target: target, conns: map[net.Conn]bool{}}
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.all.Wait()
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.Addr().String() }

func (p *proxy) serve(in net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		_ = in.Close()
		return
	}
	p.mu.Lock()
	p.conns[in], p.conns[out] = true, true
	p.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_, _ = in.Close(), out.Close()
		})
	}
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, in)
	delete(p.conns, out)
}

// cut ends all connections, half of them by a reset.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	reset := false
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		reset = !reset
		_ = c.Close()
	}
}

// point has new connections go to an address.
func (p *proxy) point(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// restarts and cuts are how often TestStorm restarts the application, and cuts its connections.
const (
	restarts = 4
	cuts     = 20
)

// TestStorm: while connections are cut and the application restarts, each of 1,000 calls has its result, or is rejected because the
// connection was lost; the application handles none twice. In Node and in Chromium.
func TestStorm(t *testing.T) {
	eachRuntime(t, func(t *testing.T, platform string, r *record, start func(scenario, platform, url string) player) {
		a := serve(t, r, "127.0.0.1:0")
		p := newProxy(t, a.Addr().String())
		played := start("storm", platform, p.url())
		seen := 0
		for n := range cuts {
			// Calls are handled since the last cut, so that each cut breaks a connection.
			testkit.Eventually(t, "a call after a cut, or the end", func() bool { return r.calls() > seen+10 || played.over() })
			if played.over() {
				break
			}
			seen = r.calls()
			if n%(cuts/restarts) == 1 {
				next := serve(t, r, "127.0.0.1:0")
				p.point(next.Addr().String())
				stop(t, a)
				a = next
			}
			p.cut()
		}
		var got struct {
			Results map[int]string
			Opened  int
		}
		if err := json.Unmarshal(decode[json.RawMessage](t, played), &got); err != nil {
			t.Fatal(err)
		}
		stop(t, a)
		lost := 0
		for n := range 1000 {
			times := r.handled[n]
			switch result := got.Results[n]; {
			case times > 1:
				t.Errorf("call %d was handled %d times", n, times)
			case result == "disconnected":
				lost++
			case result != "resolved 1" || times != 1:
				t.Errorf("call %d: %s, handled %d times", n, result, times)
			}
		}
		if len(got.Results) != 1000 || got.Opened < 2 {
			t.Errorf("%d results over %d connections", len(got.Results), got.Opened)
		}
		t.Logf("%d connections, %d calls lost", got.Opened, lost)
	})
}

// TestCut: what waits for an answer when the connection breaks. An answer to the server does not reach another connection.
func TestCut(t *testing.T) {
	script := bundle(t, "node")
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			r := newRecord()
			a := serve(t, r, "127.0.0.1:0")
			defer stop(t, a)
			p := newProxy(t, a.Addr().String())
			played := play(t, script, "repeated", platform, p.url())
			played.want("cut")
			p.cut()
			// late, lost, broken, the answer to the question on the new connection, again, the state
			want := `["disconnected","disconnected","disconnected",false,"no_answer","closed"]`
			if got := string(decode[json.RawMessage](t, played)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestRecovered: over plain WebSocket the client is the same after each cut, and receives each event once and in order.
func TestRecovered(t *testing.T) {
	script := bundle(t, "node")
	r := newRecord()
	a := serve(t, r, "127.0.0.1:0")
	defer stop(t, a)
	p := newProxy(t, a.Addr().String())
	played := play(t, script, "recovered", "ws", p.url())
	played.want("open 1")
	played.want("ready")
	var want []string
	poke := func(text string) {
		t.Helper()
		want = append(want, text)
		if err := poked.Emit(t.Context(), r.server.Load(), text); err != nil {
			t.Fatal(err)
		}
	}
	opened := []bool{false}
	for n := range 10 {
		poke(fmt.Sprint("before ", n))
		p.cut()
		poke(fmt.Sprint("after ", n))
		played.want(fmt.Sprint("open ", n+2))
		opened = append(opened, true)
		poke(fmt.Sprint("back ", n))
	}
	poke("end")
	got := decode[struct {
		Got    []string
		Opened []bool
	}](t, played)
	if !slices.Equal(got.Got, want) || !slices.Equal(got.Opened, opened) {
		t.Errorf("got  %q, recovered %t\nwant %q, %t", got.Got, got.Opened, want, opened)
	}
}

// TestRefused: with gatehouse.v1 the client has the reason of a refused handshake, and without a token does not try again.
func TestRefused(t *testing.T) {
	script := bundle(t, "node")
	a := serve(t, newRecord(), "127.0.0.1:0")
	defer stop(t, a)
	got := string(decode[json.RawMessage](t, play(t, script, "refused", "ws", a.URL())))
	if want := `["waiting token_invalid","closed token_missing"]`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestBuffers: messages that wait for a connection have bounds, in number and bytes; those that are kept arrive in order.
func TestBuffers(t *testing.T) {
	script := bundle(t, "node")
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			r := newRecord()
			addr := testkit.FreeAddress(t)
			played := play(t, script, "buffers", platform, "http://"+addr)
			played.want("serve")
			a := serve(t, r, addr)
			defer stop(t, a)
			want := `{"kept":[true,true,true,true,false,false,false],"over":["queue_full","no_answer"],` +
				`"seen":["resolved \"in time\"",["0","1","2","3"],true],"got":["0","1","2","3","volatile now"]}`
			if got := string(decode[json.RawMessage](t, played)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if r.handled[1] != 0 || r.handled[2] != 1 {
				t.Errorf("handled %v: a call is sent after its timeout", r.handled)
			}
		})
	}
}

// TestDrain: clients of an application that stops connect to the next one, none before the time that it was given. In Node and in Chromium.
func TestDrain(t *testing.T) {
	eachRuntime(t, func(t *testing.T, platform string, r *record, start func(scenario, platform, url string) player) {
		a := serve(t, r, "127.0.0.1:0", app.DrainRate(20), app.StopTimeout(20*time.Second))
		p := newProxy(t, a.Addr().String())
		played := start("drain", platform, p.url())
		played.want("stop")
		next := serve(t, newRecord(), "127.0.0.1:0")
		defer stop(t, next)
		p.point(next.Addr().String())
		stop(t, a)
		late := 0
		clients := decode[[]struct {
			After, Tried, Back int
			Last               string
		}](t, played)
		for i, c := range clients {
			// The clocks of timers and of Date differ by less than a few milliseconds.
			const tolerance = 5
			if c.After == 0 || c.Tried < c.After-tolerance || c.Last != "again" {
				t.Errorf("client %d: %s", i, fmt.Sprintf("%+v", c))
			}
			if c.Back > c.After+1000 {
				late++
			}
		}
		t.Logf("%d clients, %d of them later than a second after their time", len(clients), late)
	})
}
