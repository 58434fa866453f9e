// Command cluster compares two and three nodes of Gatehouse with those of its peers: what a broadcast costs
// on each node and in Redis, how long it takes, how many there can be. Run it in the folder bench, or see bench/run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/bars"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/run"
	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1) //nolint:forbidigo // the end of the program
	}
}

// config is what to measure.
type config struct {
	run.Runner

	rounds       int
	away         bool
	works, peers string
	limit        time.Duration
}

// command is a node, which the comparison starts by "node" as the first argument, or the comparison.
func command(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == "node" {
		return node.Main(ctx, args[1:])
	}
	c := config{Runner: run.Runner{Root: ".", Burst: 20_000, Flood: 400_000, Rate: 2000, Away: 2 * time.Second}, rounds: 3, limit: 15 * time.Minute}
	if slices.Contains(args, "-quick") || slices.Contains(args, "--quick") {
		c.Burst, c.Flood, c.Rate, c.Away, c.rounds = 4000, 100_000, 500, time.Second, 1
	}
	if slices.Contains(args, "-outage") || slices.Contains(args, "--outage") {
		c.Away, c.rounds, c.limit = 10*time.Second, 5, time.Hour
	}
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.Bool("quick", false, "one short round: rough figures, for trying")
	flags.BoolVar(&c.away, "outage", false, "only the works stopped and killed, by all peers, with Redis away for 10 s, in five rounds: about half an hour")
	flags.DurationVar(&c.Away, "away", c.Away, "how long Redis is away in stopped and killed, and the load before that")
	flags.IntVar(&c.Queue, "queue", 0, "messages that may wait for the other nodes in Gatehouse; default: its own")
	flags.IntVar(&c.rounds, "rounds", c.rounds, "how often each peer does each work")
	flags.IntVar(&c.Burst, "burst", c.Burst, "broadcasts of a burst")
	flags.IntVar(&c.Flood, "flood", c.Flood, "messages of a flood")
	flags.IntVar(&c.Rate, "rate", c.Rate, "broadcasts at 1,000 a second")
	flags.StringVar(&c.works, "works", "", "parts of names with commas, such as 2×1,flood; default: all")
	flags.StringVar(&c.peers, "peers", "", "names with commas, such as native,centrifuge; default: all")
	flags.DurationVar(&c.limit, "limit", c.limit, "after which no round starts, and what runs is ended a minute later")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if c.rounds < 1 || c.Burst < 1 || c.Flood < 1 || c.Rate < 1 || c.Away <= 0 {
		return errors.New("-rounds, -burst, -flood and -rate are at least 1, and -away is more than 0")
	}
	report := c.measure(ctx)
	if err := report.Write(out); err != nil {
		return err
	}
	if len(report.Faults) > 0 {
		return fmt.Errorf("%d faults, see the end of the report", len(report.Faults))
	}
	return nil
}

// chosen reports whether a list has a name, or a part of it, or is empty.
func chosen(list string, of func(entry string) bool) bool {
	return list == "" || slices.ContainsFunc(strings.Split(list, ","), of)
}

func (c *config) measure(ctx context.Context) *bars.Report {
	start := time.Now()
	end := start.Add(c.limit)
	ctx, cancel := context.WithDeadline(ctx, end.Add(time.Minute))
	defer cancel()
	report := &bars.Report{Head: c.head(ctx), Away: c.away}
	for i := range c.rounds {
		if time.Now().After(end) {
			report.Faults = append(report.Faults, fmt.Sprintf("the limit of %v ended after %d rounds", c.limit, i))
			break
		}
		round := bars.Round{}
		report.Rounds = append(report.Rounds, round)
		for _, turn := range report.Turns() {
			if !chosen(c.works, func(part string) bool {
				return strings.Contains(string(turn.Work), strings.ReplaceAll(part, "x", "×"))
			}) {
				continue
			}
			report.Faults = append(report.Faults, c.turn(ctx, turn, round)...)
			if err := ctx.Err(); err != nil { // what was measured before is shown
				report.Faults = append(report.Faults, fmt.Sprintf("ended in round %d, at %s, after %v: %v", i+1, turn.Work, time.Since(start).Round(time.Second), err))
				report.Took = time.Since(start)
				return report
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s done after %v\n", i+1, c.rounds, turn.Work, time.Since(start).Round(time.Second))
		}
	}
	report.Took = time.Since(start)
	return report
}

// turn has each chosen peer do a work once.
func (c *config) turn(ctx context.Context, turn bars.Turn, round bars.Round) (faults []string) {
	for _, peer := range turn.Peers {
		if !chosen(c.peers, func(name string) bool { return name == string(peer) }) {
			continue
		}
		figures, err := c.Measure(ctx, turn.Work, peer)
		if ctx.Err() != nil {
			return faults
		}
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		round.Add(peer, figures)
	}
	return faults
}

func (c *config) head(ctx context.Context) []string {
	return []string{
		"Commit " + output(ctx, "git", "rev-parse", "--short", "HEAD") + ", " + time.Now().UTC().Format(time.DateOnly),
		fmt.Sprintf("%s; Go %s, Node %s, Redis %s", proc.Machine(), strings.TrimPrefix(runtime.Version(), "go"),
			output(ctx, "node", "--version"), output(ctx, "redis-server", "--version")),
		c.counts(),
	}
}

func (c *config) counts() string {
	if c.away {
		return fmt.Sprintf("Redis is away for %v, while clients call %d handlers a second, each of which emits 200 B; nodes, Redis and clients share the machine",
			c.Away, run.PerSecond)
	}
	return fmt.Sprintf("Bursts of %d broadcasts of 200 B, floods of %d, %d at %d a second; nodes, Redis and clients share the machine", c.Burst, c.Flood, c.Rate, run.PerSecond)
}

// output is what a program prints, or that it is missing.
func output(ctx context.Context, program string, args ...string) string {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "none"
	}
	text := strings.TrimSpace(string(out))
	if _, after, found := strings.Cut(text, "v="); found { // Redis server v=7.0.15 sha=…
		text, _, _ = strings.Cut(after, " ")
	}
	return strings.TrimPrefix(text, "v")
}
