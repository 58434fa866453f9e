// Package compare runs the peers on the same work and tables what it measured.
package compare

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/load"
)

// Config is what to compare and how.
type Config struct {
	Peers    []string // names; empty: all
	Works    []string // names; empty: all
	Against  []string // peers that the others are compared with; by default Gatehouse
	Rounds   int
	Timing   load.Timing
	Conns    int // of echoes
	Clients  int // of broadcasts
	Idle     int // idle connections
	Crowd    int // connections of the work crowd
	Rate     int // messages per second of the work with a fixed rate
	Commit   string
	Root     string // folder of this module
	Progress func(format string, args ...any)
}

// Defaults compares everything in less than ten minutes.
func Defaults() Config {
	return Config{
		Rounds: 3, Conns: 100, Clients: 1000, Idle: 1000, Crowd: 19000, Rate: 8000, Root: ".",
		Timing: load.Timing{Warmup: 300 * time.Millisecond, Duration: 800 * time.Millisecond, Settle: 500 * time.Millisecond, Drain: 5 * time.Second, Hold: 5 * time.Minute},
	}
}

// Quick is for trying: its figures are rough.
func Quick() Config {
	c := Defaults()
	c.Rounds, c.Clients, c.Idle, c.Crowd = 1, 200, 200, 1000
	c.Works = []string{"64B×1", "64B×8", "broadcast", "connect", "idle"}
	c.Timing.Hold = 4 * time.Second
	c.Timing.Warmup, c.Timing.Duration, c.Timing.Settle = 100*time.Millisecond, 200*time.Millisecond, 100*time.Millisecond
	return c
}

const (
	cycles = 50 // at the same time
	crowd  = "crowd"
)

// all lists the works that there are.
func (c *Config) all() []load.Work {
	echo := func(name string, size, inFlight, rate int) load.Work {
		return load.Work{Name: name, Kind: load.Echo, Conns: c.Conns, Size: size, InFlight: inFlight, Rate: rate}
	}
	return []load.Work{
		echo("64B×1", 64, 1, 0),
		echo("64B×8", 64, 8, 0),
		echo("4KiB×1", 4096, 1, 0),
		echo("4KiB×8", 4096, 8, 0),
		echo("rate", 64, 1, c.Rate),
		{Name: "broadcast", Kind: load.Broadcast, Conns: c.Clients, Size: 64},
		{Name: "connect", Kind: load.Connect, Conns: cycles, Size: 64},
		{Name: "idle", Kind: load.Idle, Conns: c.Idle, Size: 64},
		{Name: crowd, Kind: load.Crowd, Conns: c.Crowd, Size: 64, Every: min(10*time.Second, c.Timing.Hold/4)},
	}
}

func (c *Config) works() ([]load.Work, error) {
	all := c.all()
	if len(c.Works) == 0 {
		return slices.DeleteFunc(all, func(w load.Work) bool { return w.Name == crowd }), nil
	}
	var known []string
	for _, w := range all {
		known = append(known, w.Name)
	}
	var chosen []load.Work
	for _, name := range c.Works {
		i := slices.Index(known, strings.Replace(name, "x", "×", 1))
		if i < 0 {
			return nil, fmt.Errorf("there is no work %q; there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
