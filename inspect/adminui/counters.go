package adminui

import (
	"sync"
	"sync/atomic"
	"time"
)

// counters are the aggregated events of the page, since the last call of take.
type counters struct {
	in, out, inBytes, outBytes, connections atomic.Int64

	mu  sync.Mutex
	end map[string]int64 // connections that have ended, by reason
}

func (c *counters) received(bytes int) {
	c.in.Add(1)
	c.inBytes.Add(int64(bytes))
}

func (c *counters) sent(packets, bytes int) {
	c.out.Add(int64(packets))
	c.outBytes.Add(int64(bytes))
}

func (c *counters) ended(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.end = map[string]int64{}
	}
	c.end[reason]++ // one of the constants of websockets.Cause
}

// aggregated is one number of a second.
type aggregated struct {
	Timestamp int64  `json:"timestamp"` // in milliseconds
	Type      string `json:"type"`
	SubType   string `json:"subType,omitempty"`
	Count     int64  `json:"count"`
}

// take returns what was counted, and starts again from 0.
func (c *counters) take(now time.Time) []aggregated {
	at := now.Truncate(time.Second).UnixMilli()
	all := []aggregated{}
	for _, n := range []struct {
		name  string
		count *atomic.Int64
	}{
		{"rawConnection", &c.connections},
		{"packetsIn", &c.in},
		{"bytesIn", &c.inBytes},
		{"packetsOut", &c.out},
		{"bytesOut", &c.outBytes},
	} {
		if count := n.count.Swap(0); count > 0 {
			all = append(all, aggregated{at, n.name, "", count})
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for reason, count := range c.end {
		all = append(all, aggregated{at, "rawDisconnection", reason, count})
	}
	c.end = nil
	return all
}
