package web

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// earlyGuards are the routes whose guards are bound in the wrong order, in the order of their registration.
type earlyGuards struct {
	routes map[pipe.Early][]string
	order  []pipe.Early
}

func (g *earlyGuards) add(route string, found []pipe.Early) {
	for _, e := range found {
		if g.routes == nil {
			g.routes = map[pipe.Early][]string{}
		}
		if g.routes[e] == nil {
			g.order = append(g.order, e)
		}
		if !slices.Contains(g.routes[e], route) {
			g.routes[e] = append(g.routes[e], route)
		}
	}
}

// warn logs one line for two guards, whatever the number of their routes.
func (g *earlyGuards) warn(log *slog.Logger) {
	const most = 5
	for _, e := range g.order {
		routes := g.routes[e]
		if n := len(routes); n > most {
			routes = append(routes[:most:most], fmt.Sprintf("and %d more", n-most))
		}
		log.Warn("a guard runs before the one that identifies clients: what it reads of their identity is missing then, and a rate limit by user counts nothing; "+
			"bind it after that one, or pass ratelimit.WithoutIdentity if its key has nothing to do with it",
			"guard", e.Reader, "identified by", e.Identifier, "routes", strings.Join(routes, ", "))
	}
}
