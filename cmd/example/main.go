// Command example is a chat: people in rooms, over Socket.IO and over plain
// WebSocket at once, with a login and a page for browsers. It shows what an
// application of Gatehouse looks like; read application and options first, then the
// packages chat and login.
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

// The page. Its folder vendor is copied by scripts/setup page and may be missing.
//
//go:embed all:page
var files embed.FS

func main() {
	served := platforms.Both()
	addr := flag.String("addr", "127.0.0.1:3000", "`address` of the page, the gateways and the HTTP controllers")
	statsAddr := flag.String("stats-addr", "127.0.0.1:3001", "`address` of the stats gateway")
	flag.Func("platform", "`name` of what gateways are served over: both, socketio or ws (default both)",
		func(name string) (err error) {
			served, err = platforms.Parse(name)
			return err
		})
	life := flag.Duration("token-life", time.Hour, "`duration` of a token, at least 2s; pages refresh theirs before it ends")
	flag.Parse()

	app.Main(application(served, *statsAddr, *life), options(*addr)...)
}

// application is the module of the whole application.
func application(p platforms.Platforms, statsAddr string, life time.Duration) *module.Module {
	logins := login.NewModule(life)
	chats := chat.NewModule(p, logins)
	return module.New("example",
		module.Imports(root.NewModule(p), logins, chats, stats.NewModule(p, statsAddr, chats), site.NewModule(files)),
	)
}

// options are what holds for all modules.
func options(addr string) []app.Option {
	return []app.Option{
		app.HTTP(addr),
		// Of one address: 20 a second, 200 at once. Behind a proxy all clients have its
		// address; name it with app.TrustedProxies.
		app.UseGuards(ratelimit.Connections(20, 200)),
		// What clients send is checked by the tags `validate` of its type.
		app.UsePipes(validate.New),
		app.OnReady(func(a *app.App) { welcome(os.Stdout, a) }),
	}
}

// welcome tells where the application is to be found.
func welcome(w io.Writer, a *app.App) {
	_, _ = fmt.Fprintf(w, "Open %s\n", url(a.Addr()))
	for _, g := range module.Find[*stats.Gateway](a.Modules()) {
		_, _ = fmt.Fprintf(w, "Stats at %s\n", url(g.Server.Addr()))
	}
}

// url is for people: an address on every interface is opened on this one.
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
