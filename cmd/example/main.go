// Command example is a chat with rooms, over Socket.IO and plain WebSocket at once, with
// a login and a page for browsers. It shows a complete Gatehouse application: start
// with the functions application and options, then read the packages chat and login.
package main

import (
	"embed"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/chat"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/root"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/site"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/stats"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/validate"
)

// The page. scripts/setup page creates its directory vendor, which may be missing.
//
//go:embed all:page
var files embed.FS

func main() {
	served := platforms.Both()
	addr := flag.String("addr", "127.0.0.1:3000", "`address` of the page, the gateways and the HTTP controllers")
	statsAddr := flag.String("stats-addr", "127.0.0.1:3001", "`address` of the stats gateway")
	flag.Func("platform", "`name` of the platform of gateways: both, socketio or ws (default both)",
		func(name string) (err error) {
			served, err = platforms.Parse(name)
			return err
		})
	life := flag.Duration("token-life", time.Hour, "`duration` of a token, at least 2s; pages refresh theirs before it expires")
	flag.Parse()

	app.Main(application(served, *statsAddr, *life), options(*addr)...)
}

// application returns the root module.
func application(p platforms.Platforms, statsAddr string, life time.Duration) *module.Module {
	logins := login.NewModule(life)
	chats := chat.NewModule(p, logins)
	return module.New("example",
		module.Imports(root.NewModule(p), logins, chats, stats.NewModule(p, statsAddr, chats), site.NewModule(files)),
	)
}

// options returns the options of the application.
func options(addr string) []app.Option {
	return []app.Option{
		app.HTTP(addr),
		// For each address 20 a second, bursts of 200. Behind a proxy all clients have
		// its address: set app.TrustedProxies.
		app.UseGuards(ratelimit.Connections(20, 200)),
		// Checks payloads by the validate tags of their types.
		app.UsePipes(validate.New),
		app.OnReady(func(a *app.App) { welcome(os.Stdout, a) }),
	}
}

// welcome prints the addresses of the application.
func welcome(w io.Writer, a *app.App) {
	_, _ = fmt.Fprintf(w, "Open %s\n", url(a.Addr()))
	for _, g := range module.Find[*stats.Gateway](a.Modules()) {
		_, _ = fmt.Fprintf(w, "Stats at %s\n", url(g.Server.Addr()))
	}
}

// url returns a URL to open in a browser: localhost for an address on all interfaces.
func url(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}
