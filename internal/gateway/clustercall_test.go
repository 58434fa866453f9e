package gateway

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// callNodes are three nodes with 20 clients each that answer calls.
type callNodes struct {
	t       *testing.T
	engines []*memory.Backplane
	nodes   []*testRuntime
	server  *websockets.Server // of the first
	peers   [][]*peer
}

func newCallNodes(t *testing.T) *callNodes {
	x := &callNodes{t: t}
	bus := memory.NewBus()
	for i := range 3 {
		b := bus.Node()
		k, s := newNodeRuntime(t, b)
		if i == 0 {
			x.server = s
		}
		var peers []*peer
		for j := range 20 {
			p := newPeer(fmt.Sprint("peer-", i, "-", j))
			p.is(k.endpoint().Connect(p, k.handshake("/x")))
			p.emit = func(_ *adapter.Outgoing, ack uint64) error {
				go p.sess.Ack(ack, websockets.Payload{JSON: []byte(`true`)})
				return nil
			}
			peers = append(peers, p)
		}
		x.engines, x.nodes, x.peers = append(x.engines, b), append(x.nodes, k), append(x.peers, peers)
	}
	synctest.Wait()
	return x
}

// does sets what a peer does when it is asked, instead of answering.
func (p *peer) does(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emit = func(*adapter.Outgoing, uint64) error {
		go f()
		return nil
	}
}

// check calls all clients and compares the result: the error of each missing client, and how long
// it took at most.
func (x *callNodes) check(answered, missing int, err error, unreachable int, atMost time.Duration) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 10*time.Second)
	defer cancel()
	started := time.Now()
	a, callErr := x.server.Call(ctx, "vote", nil)
	if callErr != nil || len(a.Answered) != answered || len(a.Missing) != missing || len(a.Unreachable) != unreachable {
		x.t.Errorf("%d answered, %d missing, %v, %v; want %d, %d, %d nodes", len(a.Answered), len(a.Missing), a.Unreachable, callErr, answered, missing, unreachable)
	}
	for _, m := range a.Missing {
		if !errors.Is(m.Err, err) {
			x.t.Errorf("%s: %v, want %v", m.ID, m.Err, err)
		}
	}
	if took := time.Since(started); took > atMost+100*time.Millisecond {
		x.t.Errorf("took %v, want %v at most", took, atMost)
	}
	<-time.After(30 * time.Second) // in virtual time: the calls of other nodes end by their own clock
	synctest.Wait()
	for i, peers := range x.peers {
		for _, p := range peers {
			s := p.client()
			s.mu.Lock()
			n := len(s.calls.byID)
			s.mu.Unlock()
			if n > 0 {
				x.t.Errorf("%d calls of a client of node %d are left", n, i)
			}
		}
	}
}

// A call of all clients of three nodes has an answer or an error of each, in time, whatever clients
// and nodes do, and no call is left in any client.
func TestCallOfThreeNodes(t *testing.T) {
	const deadline = 10 * time.Second
	dead := 6*time.Second + 500*time.Millisecond // the beat after it
	for name, play := range map[string]func(x *callNodes){
		"all answer": func(x *callNodes) { x.check(60, 0, nil, 0, 0) },
		"one never answers": func(x *callNodes) {
			x.peers[2][7].does(func() {})
			x.check(59, 1, context.DeadlineExceeded, 0, deadline)
		},
		"one leaves": func(x *callNodes) {
			p := x.peers[1][3]
			p.does(func() { p.sess.Closed(websockets.Reason{Cause: websockets.CauseTransportClose}) })
			x.check(59, 1, websockets.ErrClosed, 0, 0)
		},
		"a node is killed before": func(x *callNodes) {
			x.engines[2].Kill()
			x.check(40, 0, nil, 1, dead+2*time.Second)
		},
		"a node is killed while its clients are asked": func(x *callNodes) {
			for _, p := range x.peers[2][:19] {
				p.does(func() {})
			}
			x.peers[2][19].does(func() {
				<-time.After(time.Millisecond) // in virtual time: the list of its clients has been sent
				x.engines[2].Kill()
			})
			x.check(40, 20, websockets.ErrClosed, 1, dead+2*time.Second)
		},
		"the asking node is cut off": func(x *callNodes) {
			for _, p := range append(x.peers[1][:20:20], x.peers[2]...) {
				p.does(func() {})
			}
			x.peers[2][0].does(func() {
				<-time.After(time.Second)
				x.engines[0].Cut()
			})
			x.check(20, 40, websockets.ErrClosed, 2, time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(newCallNodes(t)) })
		})
	}
}
