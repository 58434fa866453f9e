package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
)

// listener is one port with its HTTP server.
type listener struct {
	net    net.Listener
	server *http.Server
	done   chan struct{}
}

func (l *listener) serve() error {
	if l.server.TLSConfig != nil {
		return l.server.ServeTLS(l.net, "", "")
	}
	return l.server.Serve(l.net)
}

// listen opens all ports before it serves any of them.
func (a *App) listen(ctx context.Context) error {
	if err := a.checkPorts(); err != nil {
		return err
	}
	main, err := a.handlerOf("", a.router, a.router.Owns)
	if err != nil {
		return err
	}
	if a.cfg.http {
		l, err := a.openHTTP(ctx, main)
		if err != nil {
			if a.cfg.systemd {
				return fmt.Errorf("app: SystemdSocket: %w", err)
			}
			return fmt.Errorf("app: HTTP(%q): %w", a.cfg.addr, err)
		}
		a.runtime.Listening("", l.net.Addr())
		a.mu.Lock()
		a.addr = l.net.Addr()
		a.mu.Unlock()
	}
	for addr := range a.runtime.Listeners() {
		h, err := a.handlerOf(addr, nil, nil)
		if err != nil {
			return err
		}
		l, err := a.open(ctx, addr, h)
		if err != nil {
			return fmt.Errorf("app: gateway address %q: %w", addr, err)
		}
		a.runtime.Listening(addr, l.net.Addr())
	}
	if a.cfg.mounted && a.cfg.bodyTimeoutSet {
		main = withBodyTimeout(main, a.cfg.bodyTimeout, a.log)
	}
	a.mu.Lock()
	a.handler = main
	a.mu.Unlock()
	a.runtime.Open()
	for _, l := range a.listeners {
		a.log.Info("listening", "address", l.net.Addr().String(), "tls", a.tls != nil)
		go func() {
			defer close(l.done)
			if err := l.serve(); !errors.Is(err, http.ErrServerClosed) {
				select {
				case a.failed <- fmt.Errorf("app: listener %s: %w", l.net.Addr(), err):
				default:
				}
			}
		}()
	}
	return nil
}

// handlerOf returns the handler of a port; "" is the HTTP server.
func (a *App) handlerOf(port string, next http.Handler, owns func(*http.Request) bool) (http.Handler, error) {
	h, err := a.withMiddleware(a.runtime.Handler(port, next, owns))
	if err != nil {
		return nil, err
	}
	return a.withClientAddress(h), nil
}

// openHTTP opens that of the HTTP server, unless it was passed.
func (a *App) openHTTP(ctx context.Context, h http.Handler) (*listener, error) {
	if a.cfg.listener != nil {
		return a.newListener(a.cfg.listener, h), nil
	}
	if a.cfg.systemd {
		l, err := systemdSocket()
		if err != nil {
			return nil, err
		}
		return a.newListener(l, h), nil
	}
	return a.open(ctx, a.cfg.addr, h)
}

func (a *App) open(ctx context.Context, addr string, h http.Handler) (*listener, error) {
	nl, err := listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	return a.newListener(nl, h), nil
}

func (a *App) newListener(nl net.Listener, h http.Handler) *listener {
	nl = &watchedListener{Listener: nl, log: a.log}
	l := &listener{net: nl, done: make(chan struct{}), server: &http.Server{
		Handler:           withBodyTimeout(h, a.cfg.bodyTimeout, a.log),
		TLSConfig:         a.tls.Clone(),
		ReadHeaderTimeout: a.cfg.headerTimeout, // against slowloris clients
		IdleTimeout:       a.cfg.keepAlive,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.sampler.Named("net/http"), slog.LevelDebug),
	}}
	a.listeners = append(a.listeners, l)
	return l
}

// shutdownListeners stops the gateways, which close their hijacked connections, then
// the HTTP servers: http.Server.Shutdown does not know hijacked connections.
func (a *App) shutdownListeners(ctx context.Context) error {
	var errs []error
	if a.runtime != nil {
		errs = append(errs, a.runtime.Stop(ctx))
	}
	a.mu.Lock()
	serving := a.handler != nil
	a.handler = nil
	a.mu.Unlock()
	for _, l := range a.listeners {
		if err := l.server.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("app: requests on %s did not finish in time: %w", l.net.Addr(), err))
			_ = l.server.Close()
		}
		_ = l.net.Close() // Shutdown closes only listeners that Serve has registered
		if serving {
			<-l.done
		}
	}
	if a.cfg.listener != nil {
		_ = a.cfg.listener.Close() // should the start have failed before it was served
	}
	return errors.Join(errs...)
}
