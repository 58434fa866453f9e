// Command example is a chat with rooms, over Socket.IO and plain WebSocket at once, with
// a login and a page for browsers. It shows a complete Gatehouse application: start
// with package program, then read the packages chat and login. Command cluster is the same
// application on several nodes, command observed with OpenTelemetry.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/program"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/stats"
)

func main() {
	s := program.Settings{Platforms: platforms.Both(), Key: login.NewKey()}
	flag.StringVar(&s.Addr, "addr", "127.0.0.1:3000", "`address` of the page, the gateways and the HTTP controllers")
	flag.StringVar(&s.StatsAddr, "stats-addr", "127.0.0.1:3001", "`address` of the stats gateway")
	flag.Func("platform", "`name` of the platform of gateways: both, socketio or ws (default both)",
		func(name string) (err error) {
			s.Platforms, err = platforms.Parse(name)
			return err
		})
	flag.BoolVar(&s.Documents, "documents", false, "serve /documents/asyncapi.json and /documents/openapi.json to users who are logged in, for development")
	flag.DurationVar(&s.TokenLife, "token-life", time.Hour, "`duration` of a token, at least 2s; pages refresh theirs before it expires")
	flag.Parse()

	app.Main(s.Module(), append(s.Options(), app.OnReady(func(a *app.App) { welcome(os.Stdout, a) }))...)
}

// welcome prints the addresses of the application.
func welcome(w io.Writer, a *app.App) {
	_, _ = fmt.Fprintf(w, "Open %s\n", program.URL(a.Addr()))
	for _, g := range a.Gateways() {
		if g.Type != reflect.TypeFor[*stats.Gateway]() {
			continue
		}
		var at []string
		for _, e := range g.Endpoints { // clients of Socket.IO name the namespace, those of plain WebSocket the path
			at = append(at, fmt.Sprintf("%s%s (%s)", program.URL(e.Addr), strings.TrimPrefix(cmp.Or(e.Namespace, e.Path), "/"), e.Platform))
		}
		_, _ = fmt.Fprintf(w, "Stats at %s\n", strings.Join(at, ", "))
	}
}
