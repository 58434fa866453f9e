package pipeline

// Identity names who a client is, as one guard has found out. What a client leaves
// behind when its connection is lost, such as its rooms and the events that it missed,
// is given to another connection only where all identities are the same. Make one for
// each guard; identity is the pointer.
//
//	var who = pipeline.NewIdentity("session")
//
//	who.Set(call, session.UserID) // in a guard, on a KindConnect
//
// Its methods are safe for concurrent use.
type Identity struct{ name string }

// NewIdentity makes an identity. The name is for logs and debuggers only.
func NewIdentity(name string) *Identity { return &Identity{name} }

// String is the name.
func (k *Identity) String() string { return k.name }

// Set says who h is. The text is compared byte by byte, and is not sent anywhere.
func (k *Identity) Set(h Holder, who string) { h.Values().store(k, who) }

// Get returns what was set, and whether anything was.
func (k *Identity) Get(h Holder) (who string, ok bool) {
	v, ok := h.Values().load(k)
	who, _ = v.(string)
	return who, ok
}

// SameIdentity reports whether the same identities are set on a and b, and whether any
// is set on either.
func SameIdentity(a, b Holder) (same, known bool) {
	one, other := a.Values().identities(), b.Values().identities()
	if len(one) != len(other) {
		return false, true
	}
	for k, who := range one {
		if them, ok := other[k]; !ok || them != who {
			return false, true
		}
	}
	return true, len(one) > 0
}

func (v *Values) identities() map[*Identity]string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var all map[*Identity]string
	for k, x := range v.m {
		if id, ok := k.(*Identity); ok {
			if all == nil {
				all = map[*Identity]string{}
			}
			all[id], _ = x.(string)
		}
	}
	return all
}

// IdentityGuard is a guard that says whether it knows clients. One that does sets an
// [Identity] on each client that it lets in; it is asked also about clients that come
// back where other guards are skipped. One that does not, such as a rate limit, treats
// all alike. Of a guard that is none it is assumed that it tells clients apart without
// saying so, and what it let in is not given to another connection.
type IdentityGuard interface {
	Guard
	Identifies() bool
}
