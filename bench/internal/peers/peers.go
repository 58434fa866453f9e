// Package peers knows the servers that are compared: builds, starts and ends them.
package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
)

// Peer is a server.
type Peer struct {
	Name     string
	Protocol wire.Protocol // Raw is the floor of the plain ones
	Uses     string        // what it is made of, for a reader; VERSION stands for the version of Module
	Module   string        // Go module or npm package whose version matters; empty: Gatehouse itself
	Script   string        // Node or Bun: in the folder of that name; empty: a Go program
	Bun      bool          // runs the Script in place of Node
	Program  string        // Go: in the folder servers; empty: the Name
	Args     []string      // of the program
	EchoOnly bool          // a variant, of interest for echoes only
	Mixed    bool          // half of the clients speak Socket.IO; for the work crowd only
}

// SocketIO reports whether the peer belongs to the Socket.IO servers.
func (p Peer) SocketIO() bool { return p.Protocol == wire.SocketIO }

var (
	segmentio = []string{"-json", "segmentio"}
	raw       = []string{"-raw"}
)

// All lists the peers; of each protocol, Gatehouse is the first.
func All() []Peer {
	return []Peer{
		{Name: "gatehouse-socketio", Protocol: wire.SocketIO, Uses: "platform/socketio"},
		{Name: "gatehouse-socketio-segmentio", Program: "gatehouse-socketio", Args: segmentio, Protocol: wire.SocketIO, Uses: "platform/socketio with segmentio/encoding VERSION for JSON", Module: "github.com/segmentio/encoding", EchoOnly: true},
		{Name: "gatehouse-zishang", Protocol: wire.SocketIO, Uses: "platform/socketio/zishang"},
		{Name: "zishang", Protocol: wire.SocketIO, Uses: "zishang520/socket.io VERSION by hand", Module: "github.com/zishang520/socket.io/servers/socket/v3"},
		{Name: "node-socketio", Protocol: wire.SocketIO, Uses: "socket.io VERSION", Module: "socket.io", Script: "socketio.mjs"},
		{Name: "bun-socketio", Protocol: wire.SocketIO, Uses: "socket.io on Bun with @socket.io/bun-engine VERSION", Module: "@socket.io/bun-engine", Script: "socketio.mjs", Bun: true},
		{Name: "nest-socketio", Protocol: wire.SocketIO, Uses: "@nestjs/platform-socket.io VERSION", Module: "@nestjs/platform-socket.io", Script: "nest-socketio.mjs"},
		{Name: "gatehouse-ws", Protocol: wire.Plain, Uses: "platform/ws"},
		{Name: "gatehouse-mixed", Protocol: wire.Plain, Uses: "platform/ws and platform/socketio at one gateway, half of the clients each", Mixed: true},
		{Name: "gatehouse-ws-segmentio", Program: "gatehouse-ws", Args: segmentio, Protocol: wire.Plain, Uses: "platform/ws with segmentio/encoding VERSION for JSON", Module: "github.com/segmentio/encoding", EchoOnly: true},
		{Name: "gatehouse-ws-raw", Program: "gatehouse-ws", Args: raw, Protocol: wire.Plain, Uses: "platform/ws, echoes undecoded", EchoOnly: true},
		{Name: "coder", Protocol: wire.Plain, Uses: "coder/websocket VERSION by hand", Module: "github.com/coder/websocket"},
		{Name: "gws", Protocol: wire.Plain, Uses: "lxzan/gws VERSION by hand", Module: "github.com/lxzan/gws"},
		{Name: "gorilla", Protocol: wire.Plain, Uses: "gorilla/websocket VERSION by hand", Module: "github.com/gorilla/websocket"},
		{Name: "centrifuge", Protocol: wire.Centrifuge, Uses: "centrifugal/centrifuge VERSION, its own protocol", Module: "github.com/centrifugal/centrifuge"},
		{Name: "centrifuge-raw", Program: "centrifuge", Args: raw, Protocol: wire.Centrifuge, Uses: "centrifugal/centrifuge VERSION, echoes undecoded", Module: "github.com/centrifugal/centrifuge", EchoOnly: true},
		{Name: "node-ws", Protocol: wire.Plain, Uses: "ws VERSION", Module: "ws", Script: "ws.mjs"},
		{Name: "bun-ws", Protocol: wire.Plain, Uses: "Bun VERSION, its own server", Module: "bun", Script: "ws.mjs", Bun: true},
		{Name: "nest-ws", Protocol: wire.Plain, Uses: "@nestjs/platform-ws VERSION", Module: "@nestjs/platform-ws", Script: "nest-ws.mjs"},
		{Name: "tcp", Protocol: wire.Raw, Uses: "bare TCP echo, the floor"},
	}
}

// Choose picks peers by name, in the order of All; no name picks all.
func Choose(names []string) ([]Peer, error) {
	all := All()
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(p Peer) bool { return p.Name == name }) {
			var known []string
			for _, p := range all {
				known = append(known, p.Name)
			}
			return nil, fmt.Errorf("there is no peer %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(p Peer) bool { return !slices.Contains(names, p.Name) }), nil
}

// Built is a peer that can be started.
type Built struct {
	Peer

	Version string // of Module

	program string
	args    []string
}

// Left is a peer that cannot take part, and why.
type Left struct {
	Name string
	Why  error
}

// Build makes peers ready to start. Programs of Go go into the folder out. root
// is the folder of this module. A peer that cannot be built or has no Node or Bun is left out.
func Build(ctx context.Context, root, out string, chosen []Peer) (built []Built, left []Left) {
	for _, p := range chosen {
		var b Built
		var err error
		if p.Script != "" {
			b, err = script(root, p)
		} else {
			b, err = compile(ctx, root, out, p)
		}
		if err != nil {
			left = append(left, Left{p.Name, err})
			continue
		}
		built = append(built, b)
	}
	return built, left
}

func compile(ctx context.Context, root, out string, p Peer) (Built, error) {
	name := cmp.Or(p.Program, p.Name)
	program := filepath.Join(out, p.Name)
	if _, err := goTool(ctx, root, "build", "-buildvcs=false", "-o", program, "./servers/"+name); err != nil {
		return Built{}, err
	}
	b := Built{Peer: p, program: program, args: p.Args}
	if p.Module == "" {
		return b, nil
	}
	version, err := goTool(ctx, root, "list", "-m", "-f", "{{.Version}}", p.Module)
	b.Version = strings.TrimPrefix(version, "v")
	return b, err
}

func goTool(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // fixed commands
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("go %s: %w\n%s", args[0], err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

func script(root string, p Peer) (Built, error) {
	folder, program, err := "node", "", error(nil)
	if p.Bun {
		folder = "bun"
		program, err = exec.LookPath(filepath.Join(root, "node_modules", ".bin", "bun")) // npm installs it
	} else {
		program, err = exec.LookPath("node")
	}
	if err != nil {
		return Built{}, fmt.Errorf("it needs %s: %w", folder, err)
	}
	manifest, err := os.ReadFile(filepath.Join(root, "node_modules", filepath.FromSlash(p.Module), "package.json")) //nolint:gosec // of a package that All names
	if err != nil {
		return Built{}, errors.New("its npm packages are not installed; run npm ci in bench/")
	}
	version, err := versionOf(manifest)
	return Built{Peer: p, Version: version, program: program, args: []string{filepath.Join(root, folder, p.Script)}}, err
}
