// Command compare builds Gatehouse and its peers, puts them to the same work and
// writes a table of what it cost them. Run it in the folder bench, or see bench/run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/compare"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1) //nolint:forbidigo // the end of the program
	}
}

func run(ctx context.Context, args []string) error {
	c := compare.Defaults()
	if slices.Contains(args, "-quick") || slices.Contains(args, "--quick") {
		c = compare.Quick()
	}
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.Bool("quick", false, "one short round, in less than a minute: rough figures, for trying")
	list(flags, &c.Peers, "peers", "names with commas, such as gatehouse-ws,gws; default: all")
	list(flags, &c.Works, "works", "names with commas: 64Bx1,64Bx8,4KiBx1,4KiBx8,rate,broadcast,connect,idle,crowd; default: all but crowd")
	list(flags, &c.Against, "against", "peers that the others of their protocol are compared with; default: Gatehouse")
	flags.IntVar(&c.Rounds, "rounds", c.Rounds, "how often each peer does each work")
	flags.DurationVar(&c.Timing.Warmup, "warmup", c.Timing.Warmup, "before measuring")
	flags.DurationVar(&c.Timing.Duration, "duration", c.Timing.Duration, "of each measurement")
	flags.DurationVar(&c.Timing.Settle, "settle", c.Timing.Settle, "before memory is read")
	flags.IntVar(&c.Conns, "conns", c.Conns, "connections of the echoes")
	flags.IntVar(&c.Clients, "clients", c.Clients, "clients of the broadcast")
	flags.IntVar(&c.Idle, "idle", c.Idle, "idle connections")
	flags.IntVar(&c.Crowd, "crowd", c.Crowd, "connections of the work crowd")
	flags.DurationVar(&c.Timing.Hold, "hold", c.Timing.Hold, "how long those of the work crowd stay")
	flags.IntVar(&c.Rate, "rate", c.Rate, "messages per second in all of the work rate")
	flags.StringVar(&c.Commit, "commit", "", "what to call the sources; default: asked from git")
	flags.StringVar(&c.Root, "root", c.Root, "the folder bench")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q; see -h", flags.Arg(0))
	}
	start := time.Now()
	c.Progress = func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%4.0fs "+format+"\n", append([]any{time.Since(start).Seconds()}, args...)...)
	}
	o, err := compare.Run(ctx, c)
	if err != nil {
		return err
	}
	if err := o.Write(os.Stdout); err != nil {
		return err
	}
	if failed := len(o.Failed()); failed > 0 {
		return fmt.Errorf("%d measurements failed, see the end of the table", failed)
	}
	return nil
}

func list(flags *flag.FlagSet, to *[]string, name, usage string) {
	flags.Func(name, usage, func(s string) error {
		*to = strings.Split(s, ",")
		return nil
	})
}
