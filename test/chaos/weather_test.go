package chaos_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// road is a proxy between one client and the server.
type road struct {
	t      *testing.T
	listen string
	to     string
	proxy  *toxiproxy.Proxy
	toxics []string
}

func newRoad(t *testing.T, to string) *road {
	t.Helper()
	r := &road{t: t, listen: "127.0.0.1:0", to: to}
	r.open()
	t.Cleanup(r.close)
	return r
}

func (r *road) open() {
	r.t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	r.proxy = toxiproxy.NewProxy(server, r.t.Name(), r.listen, r.to)
	if err := r.proxy.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.listen = r.proxy.Listen
	r.toxics = nil
}

// close ends all connections.
func (r *road) close() { r.within(r.proxy.Stop) }

// within changes the proxy, and reports whether the change finished. A change of toxics waits forever on a link that
// broke at the same moment.
func (r *road) within(do func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
		return true
	case <-time.After(5 * time.Second):
		return false
	}
}

// Directions of a toxic, as seen from the client.
const (
	up   = "upstream"
	down = "downstream"
)

// poison adds a toxic to each direction.
func (r *road) poison(kind, attributes string, toxicity float64, directions ...string) {
	r.t.Helper()
	for _, d := range directions {
		name := kind + " " + d
		spec := fmt.Sprintf(`{"name":%q,"type":%q,"stream":%q,"toxicity":%g,"attributes":%s}`, name, kind, d, toxicity, attributes)
		var err error
		if !r.within(func() { _, err = r.proxy.Toxics.AddToxicJson(strings.NewReader(spec)) }) {
			r.renew()
			return
		}
		if err != nil {
			r.t.Fatalf("%s: %v", spec, err)
		}
		r.toxics = append(r.toxics, name)
	}
}

// cure removes all toxics. Those that swallow data end the connection then.
func (r *road) cure() {
	r.t.Helper()
	for _, name := range r.toxics {
		var err error
		if !r.within(func() { err = r.proxy.Toxics.RemoveToxic(context.Background(), name) }) {
			r.renew()
			return
		}
		if err != nil {
			r.t.Errorf("toxic %s: %v", name, err)
		}
	}
	r.toxics = nil
}

// renew replaces a proxy that is stuck.
func (r *road) renew() {
	r.t.Helper()
	r.t.Log("toxiproxy is stuck on a broken link: a new one replaces it")
	r.close()
	r.open()
}
