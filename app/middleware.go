package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/hijack"
	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/web"
)

// Use wraps everything that the application serves in middleware: routes, handshakes and
// polls of gateways, and requests that nothing serves; on the HTTP server, on gateways' own
// ports and in [App.Handler]. It is for request ids, access logs, sessions and tracing:
//
//	app.Main(Module, app.HTTP(":3000"), app.Use(middleware.RequestID, middleware.Logger))
//
// The first middleware is the outermost, also over several calls. [TrustedProxies] applies
// before it. Guards see the context of its request, as does HandleConnection. A panic in it
// is logged and answered with 500.
//
// A middleware that wraps the http.ResponseWriter in a type without the method
// Unwrap() http.ResponseWriter, such as http.TimeoutHandler, makes WebSockets impossible:
// handshakes are answered with 500, and the log names it.
func Use(middlewares ...func(http.Handler) http.Handler) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		for i, f := range middlewares {
			m := middleware{f, fmt.Sprintf("number %d of app.Use (%s)", i+1, at)}
			if f == nil {
				c.problemf(at, "Use")(fmt.Sprintf("middleware %d is nil: pass a func(http.Handler) http.Handler", i+1))
				continue
			}
			if name := identity.FuncName(f); name != "" {
				m.name += ", " + name[strings.LastIndexByte(name, '/')+1:]
			}
			c.middleware = append(c.middleware, m)
		}
	})
}

// middleware is one function of Use.
type middleware struct {
	wrap func(http.Handler) http.Handler
	name string // number 1 of app.Use (cmd/server/main.go:12), middleware.RequestID
}

// withMiddleware wraps the handler of one port.
func (a *App) withMiddleware(h http.Handler) (http.Handler, error) {
	if len(a.cfg.middleware) == 0 {
		return h, nil
	}
	for _, m := range slices.Backward(a.cfg.middleware) {
		if h = m.wrap(notingHidden(m.name, h)); h == nil {
			return nil, fmt.Errorf("app: middleware %s returned nil: return the handler, wrapped or not", m.name)
		}
	}
	return web.Recover(slog.New(a.sampler), notingHidden("outside of app.Use", h)), nil
}

// notingHidden notes in WebSocket handshakes that the ResponseWriter which reaches next
// cannot be hijacked. by is the middleware around next.
func notingHidden(by string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Upgrade"]) > 0 && hijack.HiddenBy(r) == "" && !hijack.Possible(w) {
			r = hijack.WithHidden(r, by)
		}
		next.ServeHTTP(w, r)
	})
}
