// Package node is the nodes that are compared, each a process. A node reads requests from its standard
// input, a line each, and answers each with a line on its standard output, after one with its address.
package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Tick is the payload of each broadcast, of about 200 bytes.
type Tick struct {
	T   int64  `json:"t"` // when it was emitted: µs of the machine's monotonic clock
	N   int    `json:"n"` // from 0, without holes
	Pad string `json:"pad"`
}

// Pad is how many bytes a Tick has beside its numbers.
const Pad = 160

var pad = strings.Repeat("x", Pad)

// Work is what a node does.
type Work string

// The works.
const (
	Burst Work = "burst" // emit Count, as fast as possible
	Rate  Work = "rate"  // emit Count, PerSecond
	Flood Work = "flood" // emit Count, as fast as others can receive them
	Cost  Work = "cost"  // emit Count, and report what that took on the calling thread
	Stats Work = "stats" // report what has arrived
	Calls Work = "calls" // report the handlers that clients have called
)

// Request is a line for a node.
type Request struct {
	Do        Work   `json:"do"`
	Count     int    `json:"count,omitempty"`
	PerSecond int    `json:"perSecond,omitempty"`
	Room      string `json:"room,omitempty"` // empty: to all clients
	Pad       int    `json:"pad"`
}

// Reply is the line that answers it.
type Reply struct {
	Failed    int           `json:"failed,omitempty"` // emits
	Error     string        `json:"error,omitempty"`  // of the first one
	Took      time.Duration `json:"took,omitempty"`
	ThreadCPU time.Duration `json:"threadCPU,omitempty"` // Cost
	Mallocs   uint64        `json:"mallocs,omitempty"`   // Cost: of the process
	Received  uint64        `json:"received,omitempty"`  // Stats: messages of other nodes
	Lost      uint64        `json:"lost,omitempty"`      // Stats: of those that were sent here, or should have arrived
	Gaps      uint64        `json:"gaps,omitempty"`      // Stats: of those of other nodes, that have not arrived
	Queued    int           `json:"queued,omitempty"`    // Stats: messages that wait to be sent
	Nodes     int           `json:"nodes,omitempty"`     // Stats: that live
	Handlers  Handlers      `json:"handlers,omitzero"`   // Calls
}

// Node is a node of one of the peers.
type Node struct {
	Emit  func(ctx context.Context, room string, t Tick) error
	Stats func() Reply // nil: the peer has none
	// Encoded emits JSON: for Cost, since only a node with clients or a backplane encodes.
	Encoded func(ctx context.Context, json []byte) error
	Flood   func(count int) (took time.Duration, err error)
	// Writers is how many goroutines share a burst; by default the calling one emits.
	Writers int

	n        atomic.Int64 // of the next Tick
	handlers handlers
}

// clock reads the machine's monotonic clock.
type clock struct {
	base  int64
	start time.Time
}

var now = func() clock {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail
	return clock{ts.Nano(), time.Now()}
}()

// Micros is the machine's monotonic clock in µs, the same in all processes.
func Micros() int64 { return (now.base + int64(time.Since(now.start))) / 1000 }

// Serve answers requests until in ends.
func (n *Node) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	lines, replies := bufio.NewScanner(in), json.NewEncoder(out)
	for lines.Scan() {
		var q Request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return fmt.Errorf("a request is %q: %w", lines.Text(), err)
		}
		reply, err := n.do(ctx, q)
		if err != nil {
			return err
		}
		if err := replies.Encode(reply); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (n *Node) do(ctx context.Context, q Request) (Reply, error) {
	var e emits
	start := time.Now()
	switch {
	case q.Do == Burst && n.Writers > 1:
		n.together(ctx, &e, q)
	case q.Do == Burst:
		if q.Room != "" && n.Stats != nil { // clients of other nodes do not hold it up
			n.drained(floodQueue)
		}
		for range q.Count {
			e.add(n.emit(ctx, q.Room))
		}
	case q.Do == Rate:
		for i := range q.Count {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(q.PerSecond))))
			e.add(n.emit(ctx, q.Room))
		}
	case q.Do == Flood && n.Flood != nil:
		took, err := n.Flood(q.Count)
		return Reply{Took: took}, err
	case q.Do == Flood && n.Stats != nil:
		for i := range q.Count {
			if i%chunk == 0 {
				n.drained(floodQueue)
			}
			e.add(n.emit(ctx, q.Room))
		}
	case q.Do == Cost && n.Stats != nil:
		return n.cost(ctx, q), nil
	case q.Do == Stats && n.Stats != nil:
		return n.Stats(), nil
	case q.Do == Calls:
		r := n.handlers.report()
		r.Next = int(n.n.Load())
		return Reply{Handlers: r}, nil
	default:
		return Reply{}, fmt.Errorf("this node does no %q", q.Do)
	}
	e.Took = time.Since(start)
	return e.Reply, nil
}

const (
	// chunk is how many messages are emitted without a look at the queue.
	chunk = 256
	// floodQueue is how many messages may wait while a node floods.
	floodQueue = 16 * chunk
)

// drained waits until at most limit messages wait to be sent.
func (n *Node) drained(limit int) {
	for n.Stats().Queued > limit {
		time.Sleep(50 * time.Microsecond)
	}
}

// cost measures the calling thread alone, so that others, which send, do not count. The allocations are those of
// the whole process.
func (n *Node) cost(ctx context.Context, q Request) Reply {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var e emits
	data, err := json.Marshal(Tick{T: Micros(), Pad: pad})
	e.add(err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for left := q.Count; left > 0; left -= chunk {
		start := threadCPU()
		for range min(chunk, left) {
			e.add(n.Encoded(ctx, data))
		}
		e.ThreadCPU += threadCPU() - start
		n.drained(0)
	}
	runtime.ReadMemStats(&after)
	e.Mallocs = after.Mallocs - before.Mallocs
	return e.Reply
}

func threadCPU() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // cannot fail
	return time.Duration(ts.Nano())
}

func (n *Node) emit(ctx context.Context, room string) error {
	return n.Emit(ctx, room, Tick{T: Micros(), N: int(n.n.Add(1)) - 1, Pad: pad})
}

// together emits a burst from several goroutines.
func (n *Node) together(ctx context.Context, e *emits, q Request) {
	var all sync.WaitGroup
	var mu sync.Mutex
	first := int(n.n.Add(int64(q.Count))) - q.Count
	for w := range n.Writers {
		all.Go(func() {
			for i := w; i < q.Count; i += n.Writers {
				err := n.Emit(ctx, q.Room, Tick{T: Micros(), N: first + i, Pad: pad})
				mu.Lock()
				e.add(err)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// emits counts those that fail.
type emits struct{ Reply }

func (e *emits) add(err error) {
	if err == nil {
		return
	}
	if e.Failed++; e.Failed == 1 {
		e.Error = err.Error()
	}
}

// Err is the error of a reply.
func (r Reply) Err() error {
	if r.Failed == 0 {
		return nil
	}
	return errors.New("emits failed: " + fmt.Sprint(r.Failed) + ", first: " + r.Error)
}
