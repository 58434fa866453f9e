// Package config has the declarations of gateways: options of package websockets write
// them, package gateway reads them.
package config

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Registration is the mark of a provider that is a gateway.
type Registration struct{ Options []Option }

// Instead implements [injected.Mark].
func (Registration) Instead(t string) string { return "websockets.ServerOf[" + t + "]" }

// Option is [websockets.Option].
type Option interface{ ApplyGateway(*Gateway) }

// PlatformOption is an option of one platform.
type PlatformOption interface {
	Option
	PlatformName() string
}

// Platform is an adapter.
type Platform interface{ Name() string }

// Event describes an event that a gateway sends.
type Event interface {
	EventInfo() (name string, payload reflect.Type)
}

// Check is a check of a client that connects; h is its handshake.
type Check func(ctx context.Context, h pipeline.Holder) error

// Gateway holds the options of one gateway.
type Gateway struct {
	Addr string
	Port *int
	Path string

	// At most one of these three is set.
	Namespace       *string
	NamespaceRegexp *regexp.Regexp
	NamespaceFunc   *NamespaceFunc

	Platform    []PlatformOption
	Limits      Limits
	Origins     []origin.Pattern
	CheckOrigin *Origin
	Checks      []Check
	Enhanced    pipe.Binding
	Events      []EventBinding
	Via         []Via
	Emits       []Event
	Shares      []pipeline.SharedKey
	PathValues  []PathValue
	MaxRooms    int

	Messages
	Errors
	Unobserved bool

	Problems []string
}

// Messages is how a gateway handles the messages of one client.
type Messages struct {
	Concurrency    int
	Strict         bool
	DropAfterClose bool
}

// Errors is how errors are sent to clients.
type Errors struct {
	HideCauseData bool
	AnswerOnly    bool   // if the client waits for an answer
	Event         string // "": exception
}

// EventBinding is what is bound to the handler of one event.
type EventBinding struct {
	Event   string
	Binding pipe.Binding
}

// Via is an endpoint at an adapter of its own.
type Via struct {
	Platform Platform
	Options  []Option
}

// PathValue is a value of the path or namespace of a client.
type PathValue interface {
	// Declared returns the name in the pattern, and the option in the form of messages.
	Declared() (name, option string)
	// Read converts the value of a request, and stores it in h.
	Read(h pipeline.Holder, r *http.Request) *pipeline.Error
}

// Apply applies options in order.
func (c *Gateway) Apply(opts []Option) {
	for _, o := range opts {
		if o != nil {
			o.ApplyGateway(c)
		}
	}
}

// AddPlatform adds an option of a platform.
func (c *Gateway) AddPlatform(o PlatformOption) { c.Platform = append(c.Platform, o) }

// Problemf notes what is wrong with an option.
func (c *Gateway) Problemf(format string, args ...any) {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

// Constructors lists what the module has to build for the options.
func Constructors(opts []Option) (out []any) {
	c := &Gateway{}
	c.Apply(opts)
	out = c.Enhanced.Constructors()
	for _, e := range c.Events {
		out = append(out, e.Binding.Constructors()...)
	}
	for _, v := range c.Via {
		out = append(out, Constructors(v.Options)...)
	}
	return out
}

// EnhancementProblems lists what is wrong with what is bound, as far as that can be seen
// before anything is built.
func (c *Gateway) EnhancementProblems() []string {
	out := c.Enhanced.Problems()
	for _, e := range c.Events {
		out = append(out, e.Binding.Problems()...)
	}
	return out
}

// NamespaceFunc serves the namespaces that a function matches.
type NamespaceFunc struct {
	Label string
	Match func(namespace string) bool
}

// Same reports whether both are one option, or have one declared function.
func (o *NamespaceFunc) Same(p *NamespaceFunc) bool {
	return o == p || o != nil && p != nil && sameDeclared(o.Match, p.Match)
}

// Origin decides which browser pages may connect.
type Origin struct{ Allow func(*http.Request) bool }

// Same reports whether both are one option, or have one declared function.
func (o *Origin) Same(p *Origin) bool {
	return o == p || o != nil && p != nil && sameDeclared(o.Allow, p.Allow)
}

// sameDeclared reports whether two functions are the same in every build.
func sameDeclared(f, g any) bool {
	return identity.OfFunc(f) == identity.OfFunc(g) && identity.Declared(f)
}

// MaxEventName is adapter.MaxEventName.
const MaxEventName = 256

// Limits has the fields of [websockets.Limits], which documents them.
type Limits struct {
	MaxMessage       int64
	HandshakeTimeout time.Duration
	PingInterval     time.Duration
	PingTimeout      time.Duration
	SendQueue        int
	SendQueueMax     int
	SendStall        time.Duration
	IdleAfter        time.Duration
	MaxAuth          int
	KeptHeaders      int
	CloseTimeout     time.Duration
	CallTimeout      time.Duration
	ClientErrors     int
}
