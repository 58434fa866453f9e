package pipe

import (
	"slices"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Early is a guard that reads the identity of the client before another guard sets or may set it. Both are named
// with the place where they are bound.
type Early struct{ Reader, Identifier string }

// Named returns a scope with the place where its guards are bound, for messages.
func Named(s Scope, place string) Scope {
	s.names = slices.Clone(s.names)
	for i, name := range s.names {
		s.names[i] = name + " of " + place
	}
	return s
}

// EarlyReaders returns the guards of a call that are bound in the wrong order, see [pipeline.IdentityReader].
func EarlyReaders(global, owner, handler Scope) (all []Early) {
	s := JoinScopes(JoinScopes(global, owner), handler)
	identifier := slices.IndexFunc(s.Guards, func(g pipeline.Guard) bool {
		ig, ok := g.(pipeline.IdentityGuard)
		return !ok || ig.Identifies()
	})
	for i := range max(identifier, 0) {
		if r, ok := s.Guards[i].(pipeline.IdentityReader); ok && r.ReadsIdentity() {
			all = append(all, Early{s.names[i], s.names[identifier]})
		}
	}
	return all
}
