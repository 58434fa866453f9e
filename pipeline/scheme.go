package pipeline

// SchemeKind is the part of a request that has a credential.
type SchemeKind string

// The kinds of [Scheme].
const (
	SchemeBearer      SchemeKind = "bearer"      // Authorization: Bearer …
	SchemeBasic       SchemeKind = "basic"       // Authorization: Basic …
	SchemeHeader      SchemeKind = "header"      // the header Key
	SchemeCookie      SchemeKind = "cookie"      // the cookie Key
	SchemeQuery       SchemeKind = "query"       // the parameter Key of the URL's query
	SchemeSubprotocol SchemeKind = "subprotocol" // what follows Key in the list of subprotocols, on plain WebSocket
	SchemeAuth        SchemeKind = "auth"        // the field Key of `auth`, on Socket.IO
)

// Scheme is a way in which clients send a credential, for documents.
type Scheme struct {
	Kind SchemeKind
	// Key is the name of the header, cookie, parameter, subprotocol or field; empty for
	// SchemeBearer and SchemeBasic.
	Key string
	// Name is the name in documents. Default: the kind and the key, such as "cookie_token".
	Name string
	// Format is the format of a bearer token, such as "JWT"; it may be empty.
	Format string
	// Description is a text for people; it may be empty.
	Description string
}

// Secured is a [Guard] that says how clients send the credential that it reads, for documents:
//
//	func (*KeyGuard) Schemes() []pipeline.Scheme {
//		return []pipeline.Scheme{{Kind: pipeline.SchemeHeader, Key: "X-Key"}}
//	}
//
// Schemes returns all ways; clients use one of them. Documents are made without constructors, so
// it is called on a zero value of what a bound constructor returns. A guard whose schemes depend
// on its constructor returns nil there, which means that they are not known, and is bound by
// [WithSchemes]. Schemes must be safe for concurrent use.
type Secured interface {
	Guard
	Schemes() []Scheme
}

// Security is what a call needs to pass one guard.
type Security struct {
	// Guard is the name of the guard, as in websockets.GatewayInfo.
	Guard string
	// Schemes are the ways to send its credential; clients use one of them. It is empty if they
	// are not known: those of a [Secured] guard that is not built.
	Schemes []Scheme
}

// DeclaredGuard is the item that [WithSchemes] returns.
type DeclaredGuard struct {
	guard   any
	schemes []Scheme
}

// WithSchemes binds a guard with how clients send the credential that it reads, for documents. The
// guard is anything that UseGuards of packages app, websockets and web accepts: a value, a function, a constructor or
// [Injected]. Use it where the guard is not [Secured], or returns other schemes after its constructor has run.
//
//	websockets.UseGuards(pipeline.WithSchemes(NewKeyGuard, pipeline.Scheme{Kind: pipeline.SchemeHeader, Key: "X-Key"}))
//
// Without schemes it reads no credential. It changes nothing else: the guard still decides what it reads.
func WithSchemes(guard any, schemes ...Scheme) DeclaredGuard {
	return DeclaredGuard{guard, append([]Scheme{}, schemes...)}
}

// Guard returns the guard as it was passed to [WithSchemes].
func (d DeclaredGuard) Guard() any { return d.guard }

// Schemes returns what was passed to [WithSchemes]. It is not nil.
func (d DeclaredGuard) Schemes() []Scheme { return d.schemes }
