package contract

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Model is what the documents of an application say. It is safe for concurrent use.
type Model struct {
	// Problems are what the documents do not describe. The rest is complete.
	Problems []Problem

	settings  settings
	schemas   *jsonschema.Set
	schemes   []namedScheme
	servers   []*server
	channels  []*channel
	routes    []route
	exception jsonschema.Object // of the platforms
	failure   jsonschema.Object // of HTTP
}

// server is a listener of one platform.
type server struct {
	name, platform string
	host           string
	path           string // of platforms with namespaces
}

// channel is an endpoint, which gateways may share.
type channel struct {
	name, platform string
	address        string // the path, or the namespace
	server         *server
	framed         bool // plain WebSocket: messages are frames with the event in them
	fallback       bool
	security       []requirement // of its connections
	operations     []operation
	sends          map[string]sentEvent // by the names of events
}

// sentEvent is the first form of an event that a channel sends.
type sentEvent struct {
	payload         payload
	answerType, typ reflect.Type
}

// action is what the application does with an operation's message.
type action string

const (
	receive action = "receive"
	send    action = "send"
)

// payload is what a message carries.
type payload struct {
	schema jsonschema.Object // nil if it carries nothing
	spread bool              // the elements of it are the arguments, where there are several
}

// operation is an event of a channel.
type operation struct {
	action  action
	gateway string
	event   string
	// description is that of the handler.
	description string
	payload     payload
	// Of what clients send.
	kind       websockets.Kind // "" of cancel
	result     payload
	responses  []operation
	errors     []*websockets.Error
	security   []requirement // beside that of the channel
	strict     bool
	background int
	// Of what the application sends.
	answered   bool
	answer     payload
	answerType reflect.Type
	droppable  bool
}

// route is a route of a controller.
type route struct {
	web.RouteInfo

	description string
	security    []requirement
	params      []jsonschema.Object // the schemas of Params
	body        jsonschema.Object   // nil without one
	result      jsonschema.Object   // nil without one
}

// Names in the documents that no type has.
const (
	exceptionName = "Exception"
	failureName   = "Failure"
)

// From returns the model of an application. The description is that of [app.Describe], or what a started application returns.
//
//	d, err := app.Describe(chat.Module, app.WebSockets(ws.New()))
//	m, err := contract.From(d)
//	for _, p := range m.Problems {
//		log.Print(p)
//	}
//
// The error is of an option.
func From(d *app.Description, opts ...Option) (*Model, error) {
	if d == nil {
		return nil, errors.New("contract: the description is nil: pass that of app.Describe")
	}
	s := settings{version: "0.0.0", asyncapi: AsyncAPIVersions()[0], url: &url.URL{Scheme: "http", Host: "localhost"}, known: knownTypes()}
	if d.Modules != nil {
		s.title = d.Modules.Root().Name()
	}
	for _, o := range opts {
		if o != nil {
			o.apply(&s)
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	b := builder{Model: &Model{settings: s}, channels: map[channelKey]*channel{}, servers: map[serverKey]*server{}}
	b.schemas = jsonschema.NewSet(jsonschema.Options{
		Prefix: "#/components/schemas/", Known: s.known, Reserved: []string{exceptionName, failureName}, Report: b.typeProblem,
		Describe: s.typeDescription,
	})
	for _, p := range d.Problems {
		b.Problems = append(b.Problems, Problem{Text: p})
	}
	for i := range d.Gateways {
		if !hidden(&d.Gateways[i]) {
			b.gateway(&d.Gateways[i])
		}
	}
	for _, r := range d.Routes {
		if !r.Meta.Hidden() {
			b.route(r)
		}
	}
	b.schemas.Finish()
	return b.Model, nil
}

// knownTypes are types of the framework with a form of their own.
func knownTypes() map[reflect.Type]jsonschema.Object {
	return map[reflect.Type]jsonschema.Object{reflect.TypeFor[websockets.Payload](): {}}
}

// builder makes a model.
type builder struct {
	*Model

	servers  map[serverKey]*server
	channels map[channelKey]*channel
	at       Problem // the place of what is described
}

type serverKey struct{ platform, listener, path string }

type channelKey struct {
	server  *server
	address string
}

func (b *builder) typeProblem(p jsonschema.Problem) {
	b.problem(Problem{Gateway: b.at.Gateway, Event: b.at.Event, Route: b.at.Route, Field: p.Field, Type: p.Type, Text: p.Text})
}

// problem adds a problem once: those of a gateway would be the same at each endpoint.
func (b *builder) problem(p Problem) {
	if !slices.Contains(b.Problems, p) {
		b.Problems = append(b.Problems, p)
	}
}

// hidden reports whether all handlers of a gateway are.
func hidden(g *websockets.GatewayInfo) bool {
	return len(g.Subscriptions) > 0 && !slices.ContainsFunc(g.Subscriptions, func(s websockets.SubscriptionInfo) bool { return !s.Meta.Hidden() })
}

func (b *builder) gateway(g *websockets.GatewayInfo) {
	b.at = Problem{Gateway: g.Name}
	for _, e := range g.Endpoints {
		framed := e.Platform == "ws"
		if !framed && e.Namespace == "" {
			b.problem(Problem{Gateway: g.Name, Text: fmt.Sprintf(
				"the form of messages on the platform %s is not known, so its endpoint %s is left out: describe it in a document of its own", e.Platform, e.Path)})
			continue
		}
		c := b.channelOf(e, framed)
		c.fallback = c.fallback || g.Fallback
		b.at.Event = ""
		c.security = joined(c.security, b.requirements(e.Security, c.schemeKinds())...) // all gateways of an endpoint accept a client
		streams := false
		for i := range g.Subscriptions {
			s := &g.Subscriptions[i]
			if s.Meta.Hidden() {
				continue
			}
			switch s.Kind {
			case websockets.KindOn, websockets.KindListen, websockets.KindStream:
				streams = streams || s.Kind == websockets.KindStream
				b.at.Event = s.Event
				c.operations = append(c.operations, b.subscription(c, g, s))
			}
		}
		for _, event := range g.Emits {
			c.add(b.emitted(c, g.Name, event))
		}
		if streams {
			c.add(b.cancel(c))
		}
	}
}

// channelOf returns the channel of an endpoint, with what all channels have.
func (b *builder) channelOf(e websockets.EndpointInfo, framed bool) *channel {
	s := b.serverOf(e, framed)
	address := cmp.Or(e.Namespace, e.Path)
	key := channelKey{s, address}
	if c := b.channels[key]; c != nil {
		return c
	}
	c := &channel{platform: e.Platform, address: address, server: s, framed: framed}
	c.name = b.unique(s.name+"."+label(address), func(name string) bool {
		return slices.ContainsFunc(b.Model.channels, func(o *channel) bool { return o.name == name })
	})
	b.channels[key] = c
	b.Model.channels = append(b.Model.channels, c)
	if b.exception == nil {
		b.exception = exceptionSchema()
	}
	b.at.Event = websockets.EventShutdown
	c.operations = []operation{
		{action: send, event: websockets.EventException, payload: payload{schema: b.exception}},
		{action: send, event: websockets.EventShutdown, payload: b.payload(reflect.TypeFor[websockets.Shutdown](), c.sent())},
	}
	return c
}

func (b *builder) serverOf(e websockets.EndpointInfo, framed bool) *server {
	key := serverKey{platform: e.Platform, listener: e.Listener}
	if !framed {
		key.path = e.Path
	}
	if s := b.servers[key]; s != nil {
		return s
	}
	s := &server{platform: e.Platform, path: key.path, host: b.settings.url.Host}
	name := e.Platform
	if host, port, err := net.SplitHostPort(e.Listener); err == nil {
		s.host = net.JoinHostPort(cmp.Or(host, b.settings.url.Hostname()), port)
		name += "-" + port
	}
	s.name = b.unique(label(name), func(name string) bool {
		return slices.ContainsFunc(b.Model.servers, func(o *server) bool { return o.name == name })
	})
	b.servers[key] = s
	b.Model.servers = append(b.Model.servers, s)
	return s
}

// unique returns a name, with a number if it is taken.
func (*builder) unique(name string, taken func(string) bool) string {
	name = strings.TrimRight(name, ".")
	for n, first := 2, name; taken(name); n++ {
		name = fmt.Sprintf("%s-%d", first, n)
	}
	return name
}

// label returns a text as a part of a name in a document: letters, digits, dots, dashes and underscores.
func label(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/{}$", r) })
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '-'
	}, strings.Join(words, "."))
}

// sent and received are the uses of schemas on a channel.
func (c *channel) sent() jsonschema.Use {
	if c.framed {
		return jsonschema.Sent
	}
	return jsonschema.Sent | jsonschema.Binary
}

func (c *channel) received() jsonschema.Use { return c.sent() | jsonschema.Received }

// add adds an operation that another gateway, or a handler, may have listed already.
func (c *channel) add(o operation) {
	if !slices.ContainsFunc(c.operations, func(known operation) bool { return known.action == o.action && known.event == o.event }) {
		c.operations = append(c.operations, o)
	}
}

// Document is a document as a file.
type Document struct {
	// Name is asyncapi.json or openapi.json.
	Name string
	// Text is the document, with a newline at its end.
	Text []byte
}

// Documents returns the documents that are not empty: that of AsyncAPI if there are gateways, that of OpenAPI if there are routes.
func (m *Model) Documents() ([]Document, error) {
	var all []Document
	for _, d := range []struct {
		name  string
		empty bool
		text  func() ([]byte, error)
	}{{"asyncapi.json", len(m.channels) == 0, m.AsyncAPI}, {"openapi.json", len(m.routes) == 0, m.OpenAPI}} {
		if d.empty {
			continue
		}
		text, err := d.text()
		if err != nil {
			return nil, fmt.Errorf("contract: %s: %w", d.name, err)
		}
		all = append(all, Document{d.name, text})
	}
	return all, nil
}
