// Command gatehouse helps to write applications with Gatehouse:
//
//	gatehouse new NAME            writes a new project
//	gatehouse client ts DOCUMENT  writes a client in TypeScript
//	gatehouse doctor [packages]   finds mistakes in an application
//
// Each has its flags in `gatehouse help COMMAND`. It reads documents and sources, and runs nothing of the project but the tests
// that new has written.
//
// The exit status is 0, 1 after a failure or a finding, 2 for a wrong command line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// command is one of the commands.
type command struct {
	name, args, summary string
	run                 func(ctx context.Context, c *call) error
}

// call is one use of a command.
type call struct {
	flags          *flag.FlagSet
	args           []string
	stdout, stderr io.Writer
}

var commands = []command{
	{"new", "NAME [-module path] [-platform socketio|ws|both] [-page] [-replace dir]", "writes a new project into the folder NAME", newProject},
	{"client", "ts DOCUMENT [-o dir] [-platform name] [-gateway name] [-runtime path]", "writes a client in TypeScript, made of an asyncapi.json", clientTS},
	{"doctor", "[packages]", "finds mistakes in the sources of an application", findMistakes},
}

// errFound is a finding that is printed already.
var errFound = errors.New("findings")

// run runs a command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if name == "help" && len(args) > 0 {
		name, args = args[0], []string{"-h"}
	}
	for _, c := range commands {
		if c.name == name {
			return c.call(ctx, args, stdout, stderr)
		}
	}
	switch name {
	case "help", "-h", "-help", "--help":
		usage(stdout)
		return 0
	case "":
		usage(stderr)
	default:
		_, _ = fmt.Fprintf(stderr, "gatehouse: there is no command %q: use one of these\n\n", name)
		usage(stderr)
	}
	return 2
}

func (c command) call(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	err := c.run(ctx, &call{flags, args, stdout, stderr})
	wrong, isWrong := errors.AsType[*argumentError](err)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		c.help(stdout, flags)
		return 0
	case errors.Is(err, errFound):
		return 1
	case isWrong:
		_, _ = fmt.Fprintf(stderr, "gatehouse %s: %v\n\n", c.name, wrong)
		c.help(stderr, flags)
		return 2
	}
	_, _ = fmt.Fprintf(stderr, "gatehouse %s: %v\n", c.name, err)
	return 1
}

// argumentError is a wrong command line.
type argumentError struct{ text string }

func (e *argumentError) Error() string { return e.text }

func wrongf(format string, args ...any) error { return &argumentError{fmt.Sprintf(format, args...)} }

// parse parses the flags, which may be before and after the other arguments, and returns these.
func (c *call) parse() (rest []string, err error) {
	args := c.args
	for {
		if err := c.flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, wrongf("%v", err)
		}
		if c.flags.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, c.flags.Arg(0))
		args = c.flags.Args()[1:]
	}
}

func (c command) help(w io.Writer, flags *flag.FlagSet) {
	_, _ = fmt.Fprintf(w, "gatehouse %s %s\n\n%s\n", c.name, c.args, strings.ToUpper(c.summary[:1])+c.summary[1:]+".")
	flags.SetOutput(w)
	_, _ = fmt.Fprintln(w)
	flags.PrintDefaults()
}

func usage(w io.Writer) {
	_, _ = fmt.Fprintln(w, "Gatehouse is a framework for WebSocket gateways. Its commands:")
	_, _ = fmt.Fprintln(w)
	for _, c := range commands {
		_, _ = fmt.Fprintf(w, "  gatehouse %-7s %s\n", c.name, c.summary)
	}
	_, _ = fmt.Fprintln(w, "\n`gatehouse help COMMAND` has the flags.")
}
