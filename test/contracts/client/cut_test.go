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

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
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
	accepted := make(chan string, 1) // a client that is cut off before that is a new one
	a := serve(t, r, "127.0.0.1:0", app.Observe(observe.Hooks{Ready: func(c websockets.Client) { accepted <- c.ID() }}))
	defer stop(t, a)
	p := newProxy(t, a.Addr().String())
	played := play(t, script, "recovered", "ws", p.url())
	played.want("open 1")
	testkit.Receive(t, "the client", accepted)
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
		testkit.Receive(t, "the client again", accepted)
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
