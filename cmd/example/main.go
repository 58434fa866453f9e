// Command example is a chat: people in rooms, over Socket.IO and over plain
// WebSocket at once, with a page for browsers. It shows what an application of
// Gatehouse looks like; read application first, then the package chat.
package main

import (
	"embed"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/cmd/example/chat"
	"github.com/gatehouse-go/gatehouse/cmd/example/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/root"
	"github.com/gatehouse-go/gatehouse/cmd/example/site"
	"github.com/gatehouse-go/gatehouse/cmd/example/stats"
	"github.com/gatehouse-go/gatehouse/module"
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
	flag.Parse()

	app.Main(application(served, *statsAddr), app.HTTP(*addr), app.OnReady(func(a *app.App) { welcome(os.Stdout, a) }))
}

// application is the module of the whole application.
func application(p platforms.Platforms, statsAddr string) *module.Module {
	chats := chat.NewModule(p)
	return module.New("example",
		module.Imports(root.NewModule(p), chats, stats.NewModule(p, statsAddr, chats), site.NewModule(files)),
	)
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
