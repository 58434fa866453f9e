package app

import (
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/place"
)

// portOption is an option of the ports that the application opens.
type portOption struct {
	at   place.Position
	name string // TLS("cert.pem", "key.pem")
}

// forPorts notes an option that needs a port of the application.
func (c *config) forPorts(at place.Position, option string, args ...any) {
	c.portOptions = append(c.portOptions, portOption{at, fmt.Sprintf(option, args...)})
}

// checkPorts returns an error if there are options for ports, but no port.
func (a *App) checkPorts() error {
	if len(a.cfg.portOptions) == 0 || a.cfg.http {
		return nil
	}
	for range a.runtime.Listeners() {
		return nil
	}
	o := a.cfg.portOptions[0]
	return fmt.Errorf("app: %s (%s): has no effect, because the application opens no port: set it at the server that serves App.Handler", o.name, o.at)
}

// KeepAlive limits how long a connection without a request stays open. Default 2 minutes; 0
// or less means no limit. Set it above the idle timeout of a proxy or load balancer in front:
// otherwise that sends a request on a connection which is being closed, and answers 502. It
// does not apply to WebSockets.
func KeepAlive(d time.Duration) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		c.forPorts(at, "KeepAlive(%v)", d)
		c.keepAlive = max(d, -1)
		if d == 0 {
			c.keepAlive = -1 // net/http takes 0 for that of ReadTimeout
		}
	})
}

// HeaderTimeout limits how long the header of a request, and a TLS handshake, may take to
// arrive. Then the connection is closed. Default 10 s; 0 or less means no limit, which allows
// clients to hold connections without a request. [BodyTimeout] is the limit of what follows.
func HeaderTimeout(d time.Duration) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		c.forPorts(at, "HeaderTimeout(%v)", d)
		c.headerTimeout = max(d, 0)
	})
}
