package gateway

import (
	"context"
	"net/http"

	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// requestValues holds what guards store about a request that opens a connection, of which each
// of its handshakes gets a copy, and the place of the connection.
type requestValues struct {
	values pipeline.Values
	place  *place // nil until it is reserved
}

func (v *requestValues) Values() *pipeline.Values { return &v.values }

// KeepWithRequest implements [keep.Holder]: namespaces that are entered later get the values and
// hold the place.
func (v *requestValues) KeepWithRequest() {}

var _ keep.Holder = (*requestValues)(nil)

// requestChecksOf returns the guards that check requests: those of the application, and
// those of gateways when every client of the server is theirs.
func requestChecksOf(endpoints []*endpoint, global pipe.Scope) (checks []admission) {
	add := func(g *boundGateway, meta pipeline.Metadata, chain *pipe.Chain, guards []pipeline.Guard) {
		var scope pipe.Scope
		for _, guard := range guards {
			if h, ok := guard.(pipeline.HandshakeGuard); ok {
				scope.Guards = append(scope.Guards, pipeline.GuardFunc(h.CheckHandshake))
			}
		}
		if len(scope.Guards) > 0 {
			scope.Meta = meta
			checks = append(checks, admission{gateway: g, chain: chain.WithGuards(scope)})
		}
	}
	if len(endpoints) != 1 {
		add(nil, nil, pipe.Link(global, pipe.Scope{}, pipe.Scope{}), global.Guards)
		return checks
	}
	for _, a := range endpoints[0].admissions {
		add(a.gateway, a.chain.Owner, a.chain, a.chain.Guards())
	}
	return checks
}

// handler returns what serves the server's requests.
func (s *boundServer) handler() http.Handler {
	if len(s.requestChecks) == 0 && !s.counted {
		return s.adapterServer
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.adapterServer.ServeHTTP(w, r.WithContext(pipeline.WithHolder(r.Context(), &requestValues{})))
	})
}

// admitRequest checks a request that opens a connection.
func (s *boundServer) admitRequest(r *http.Request) error {
	err := s.checkRequest(r)
	if err != nil {
		s.observeRefused(r, observe.StageRequest, err)
	}
	return err
}

func (s *boundServer) checkRequest(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.HandshakeTimeout)
	defer cancel()
	v, ok := pipeline.HolderFrom(ctx).(*requestValues)
	if !ok { // a middleware has changed the context
		v = &requestValues{}
		ctx = pipeline.WithHolder(ctx, v)
	}
	return s.withTimeout(ctx, placeOf(r), func() error {
		for _, a := range s.requestChecks {
			call := &pipeline.Call{
				Kind: pipeline.KindHandshake, Pattern: s.path, Request: r, Owner: a.chain.Owner, Store: &v.values,
			}
			if a.gateway != nil {
				call.Name = a.gateway.short
			}
			start := a.chain.Begin()
			if err := a.check(ctx, call, nil); err != nil {
				answer := a.refusal(ctx, call, err, s.log)
				a.report(ctx, call, start, err, answer, true, s)
				return answer
			}
		}
		return nil
	})
}
