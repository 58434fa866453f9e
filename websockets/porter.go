package websockets

import (
	"context"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/keep"
	enhance "github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// visitor is a request that opens a connection; what porters learn about it
// becomes each of its handshakes' own.
type visitor struct{ values Values }

func (v *visitor) Values() *Values { return &v.values }

// KeepWithRequest implements [keep.Holder]: namespaces that are entered later inherit
// the values.
func (v *visitor) KeepWithRequest() {}

var _ keep.Holder = (*visitor)(nil)

// portersOf finds the guards that are asked about requests: those of the
// application, and those of gateways when every client of the server is theirs.
func portersOf(endpoints []*endpoint, global enhance.Scope) (porters []door) {
	add := func(g *boundGateway, meta pipeline.Metadata, chain *enhance.Chain, guards []pipeline.Guard) {
		var scope enhance.Scope
		for _, guard := range guards {
			if h, ok := guard.(pipeline.HandshakeGuard); ok {
				scope.Guards = append(scope.Guards, pipeline.GuardFunc(h.CheckHandshake))
			}
		}
		if len(scope.Guards) > 0 {
			scope.Meta = meta
			porters = append(porters, door{gateway: g, chain: chain.WithGuards(scope)})
		}
	}
	if len(endpoints) != 1 {
		add(nil, nil, enhance.Link(global, enhance.Scope{}, enhance.Scope{}), global.Guards)
		return porters
	}
	for _, d := range endpoints[0].doors {
		add(d.gateway, d.chain.Owner, d.chain, d.chain.Guards())
	}
	return porters
}

// handler is what serves the server's requests.
func (s *boundServer) handler() http.Handler {
	if len(s.porters) == 0 {
		return s.adapterServer
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.adapterServer.ServeHTTP(w, r.WithContext(pipeline.WithHolder(r.Context(), &visitor{})))
	})
}

// admitRequest asks the porters about a request that opens a connection.
func (s *boundServer) admitRequest(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.HandshakeTimeout)
	defer cancel()
	v, ok := pipeline.HolderFrom(ctx).(*visitor)
	if !ok { // a middleware has changed the context
		v = &visitor{}
		ctx = pipeline.WithHolder(ctx, v)
	}
	return s.bounded(ctx, func() error {
		for _, d := range s.porters {
			call := &pipeline.Call{
				Kind: pipeline.KindHandshake, Pattern: s.path, Request: r, Owner: d.chain.Owner, Store: &v.values,
			}
			if d.gateway != nil {
				call.Name = d.gateway.Name
			}
			if err := d.ask(ctx, call, nil); err != nil {
				return d.refusal(ctx, call, err, s.log)
			}
		}
		return nil
	})
}
