package pipeline

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
)

// Identity stores the identity of clients, as determined by one guard. When a connection
// is lost, its state (rooms, missed events) is restored only to a connection with equal
// identities. Create one per guard, in a package variable; Identity values are compared by
// pointer.
//
//	var user = pipeline.NewIdentity("session")
//
//	user.Set(call, session.UserID) // in a guard, on a KindConnect
//
// Its methods are safe for concurrent use.
type Identity struct{ name string }

// NewIdentity returns an identity. The name is for logs and debuggers, and for other nodes: a client with two identities of
// one name is not restored on another node.
func NewIdentity(name string) *Identity { return &Identity{name} }

// String returns the name.
func (k *Identity) String() string { return k.name }

// Set stores the identity of h. It is compared byte by byte and never sent; other nodes of the application are sent a keyed
// digest of it, when the client connects to another one.
func (k *Identity) Set(h Holder, id string) { h.Values().put(k, id) }

// Get returns the identity of h, and whether it is set.
func (k *Identity) Get(h Holder) (id string, ok bool) {
	v, ok := h.Values().load(k)
	id, _ = v.(string)
	return id, ok
}

// SameIdentity reports whether a and b have equal identities, and whether either has
// any.
func SameIdentity(a, b Holder) (same, known bool) {
	idsA, idsB := keyed[*Identity](a.Values()), keyed[*Identity](b.Values())
	if len(idsA) != len(idsB) {
		return false, true
	}
	for k, id := range idsA {
		if other, ok := idsB[k]; !ok || other != id {
			return false, true
		}
	}
	return true, len(idsA) > 0
}

// IdentityDigests returns what is compared instead of the identities of h where they are on another node: a digest of name
// and value of each, under a secret key, sorted. ok is false when two have one name, which cannot be compared. The framework
// calls it.
func IdentityDigests(h Holder, key string) (digests []string, ok bool) {
	names := map[string]bool{}
	for k, id := range keyed[*Identity](h.Values()) {
		if names[k.name] {
			return nil, false
		}
		names[k.name] = true
		value, _ := id.(string)
		sum := hmac.New(sha256.New, []byte(key))
		_, _ = sum.Write(strconv.AppendQuote(strconv.AppendQuote(nil, k.name), value))
		digests = append(digests, base64.RawURLEncoding.EncodeToString(sum.Sum(nil)))
	}
	slices.Sort(digests)
	return digests, true
}

// IdentityGuard is a guard that reports whether it identifies clients. If Identifies
// returns true, the guard sets an [Identity] on each client that it allows, and it also
// runs when a session is recovered and other guards are skipped. If it returns false,
// as for a rate limit, the guard treats all clients alike. A guard without this method
// is assumed to identify clients without recording it: sessions that it allowed are not
// recovered.
type IdentityGuard interface {
	Guard
	Identifies() bool
}

// IdentityReader is a guard that reports whether it reads what an [IdentityGuard] stores about the client, such as a
// rate limit for each user. The start logs a warning for routes where ReadsIdentity returns true and the
// guard runs before the first one that identifies clients, because it finds nothing there.
type IdentityReader interface {
	Guard
	ReadsIdentity() bool
}
