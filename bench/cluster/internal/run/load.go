package run

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/client"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
)

// callers is how many clients call handlers.
const callers = 50

// load has clients of the first node call its handlers, PerSecond in all.
type load struct {
	callers []*client.Client
	sent    atomic.Int64
	ending  chan struct{}
	ended   chan struct{} // closed when no client calls any more
}

// load connects the callers, which call from start to stop.
func (c *cluster) load(ctx context.Context, peer node.Peer) (*load, error) {
	l := &load{ending: make(chan struct{}), ended: make(chan struct{})}
	for range callers {
		one, err := client.Dial(ctx, c.nodes[0].at.Addr, protocol(peer), client.None, make(chan struct{}, 1))
		if err != nil {
			l.close()
			return nil, err
		}
		l.callers = append(l.callers, one)
	}
	return l, nil
}

func (l *load) start() { go l.run() }

func (l *load) run() {
	defer close(l.ended)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for start, asked := time.Now(), 0; ; {
		select {
		case <-l.ending:
			return
		case <-tick.C:
		}
		for due := int(time.Since(start).Seconds() * PerSecond); asked < due; asked++ {
			if l.callers[asked%len(l.callers)].Call() == nil { // otherwise it is one of cut
				l.sent.Add(1)
			}
		}
	}
}

// stop has the clients call no more.
func (l *load) stop() {
	close(l.ending)
	<-l.ended
}

func (l *load) close() {
	for _, one := range l.callers {
		one.Close()
	}
}

// cut is how many callers the node has disconnected, and why the first one was.
func (l *load) cut() (n int, err error) {
	for _, one := range l.callers {
		if e := one.Err(); e != nil {
			if n++; n == 1 {
				err = fmt.Errorf("a caller: %w", e)
			}
		}
	}
	return n, err
}
