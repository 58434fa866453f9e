// Command cluster is the example application on several nodes, each a process with other variables
// in its environment:
//
//	NODE_NAME        its name, which pages show; default: that of the host
//	ADDR             address of page, gateways and controllers; default :3000
//	LOGIN_KEY        signs the tokens of logins, at least 32 characters; the same on all nodes
//	TRUSTED_PROXIES  addresses or CIDR prefixes of the proxies in front; default: none
//	ENGINE           what connects the nodes: embedded (default), nats or redis
//
//	CLUSTER_SECRET   of embedded: the same on all nodes
//	CLUSTER_LISTEN   of embedded: address for other nodes; default :6222
//	CLUSTER_PEERS    of embedded: addresses of other nodes, or one name that has them all
//	NATS_URL         of nats; default: a server on this machine
//	REDIS_URL        of redis; default: a server on this machine
//
// Lists are separated by commas. `make cluster` starts three nodes on this machine.
package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/chat"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/program"
)

func main() {
	host, _ := os.Hostname()
	env := environment(os.Getenv)
	name := env.get("NODE_NAME", host)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("server", name)
	s, err := env.settings(name)
	engine, wrong := env.engine(log)
	if err = cmp.Or(err, wrong); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	app.Main(s.Module(), append(s.Options(),
		app.Backplane(engine),
		app.TrustedProxies(env.list("TRUSTED_PROXIES")...),
		app.Logger(log),
		app.OnReady(func(a *app.App) { fmt.Printf("%s: open %s\n", name, program.URL(a.Addr())) }),
	)...)
}

// environment returns the value of a variable, or "".
type environment func(name string) string

func (env environment) get(name, byDefault string) string { return cmp.Or(env(name), byDefault) }

func (env environment) list(name string) []string {
	return strings.FieldsFunc(env(name), func(r rune) bool { return r == ',' || r == ' ' })
}

// settings returns those of the application.
func (env environment) settings(name string) (program.Settings, error) {
	key := login.Key(env("LOGIN_KEY"))
	if len(key) < 32 {
		return program.Settings{}, fmt.Errorf("LOGIN_KEY has %d characters: all nodes need the same, of at least 32: set it to that of `openssl rand -hex 32`", len(key))
	}
	return program.Settings{
		Addr:      env.get("ADDR", ":3000"),
		Platforms: platforms.Both(),
		TokenLife: time.Hour,
		Key:       key,
		Node:      chat.Node(name),
	}, nil
}

// engine returns what connects the nodes.
func (env environment) engine(log *slog.Logger) (backplane.Backplane, error) {
	switch name := env.get("ENGINE", "embedded"); name {
	case "embedded":
		return embedded.New(
			embedded.Listen(env.get("CLUSTER_LISTEN", embedded.DefaultListen)),
			embedded.Peers(env.list("CLUSTER_PEERS")...),
			embedded.Secret(env("CLUSTER_SECRET")),
			embedded.Logger(log),
		), nil
	case "nats":
		return nats.New(nats.URL(env.get("NATS_URL", nats.DefaultURL))), nil
	case "redis":
		return redis.Native(redis.URL(env.get("REDIS_URL", "redis://"+redis.DefaultAddress))), nil
	default:
		return nil, fmt.Errorf("ENGINE is %q: use embedded, nats or redis", name)
	}
}
