package inspect

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// registry is what the application has registered.
type registry struct {
	// Path is that of the inspector.
	Path     string        `json:"path"`
	Gateways []gatewayView `json:"gateways"`
	Routes   []routeView   `json:"routes"`
	// Schemas are the types that schemas refer to as "#/schemas/Name".
	Schemas jsonschema.Object `json:"schemas"`
	// Undeclared are events that were sent while a page was open, and that no gateway of the endpoint declares.
	Undeclared []undeclared `json:"undeclared"`
	// Problems are what the documents do not describe.
	Problems []string `json:"problems"`
}

type gatewayView struct {
	Name      string            `json:"name"`
	Type      string            `json:"type"`
	Module    string            `json:"module"`
	Place     string            `json:"place"`
	Guards    []string          `json:"guards"`
	Fallback  bool              `json:"fallback"`
	Endpoints []gatewayEndpoint `json:"endpoints"`
	Handlers  []handlerView     `json:"handlers"`
	Emits     []eventView       `json:"emits"`
}

type gatewayEndpoint struct {
	Name      string   `json:"name"`
	Platform  string   `json:"platform"`
	Listener  string   `json:"listener,omitempty"`
	Address   string   `json:"address,omitempty"`
	Path      string   `json:"path"`
	Namespace string   `json:"namespace,omitempty"`
	Origins   []string `json:"origins"`
	Security  []string `json:"security"`
}

type handlerView struct {
	Event    string            `json:"event"`
	Kind     string            `json:"kind"`
	In       string            `json:"in"`
	Out      string            `json:"out,omitempty"`
	Schema   jsonschema.Object `json:"schema,omitempty"` // of In; none if it carries nothing
	Func     string            `json:"func"`
	Place    string            `json:"place"`
	Sends    []string          `json:"sends"`
	Errors   []errorView       `json:"errors"`
	Security []string          `json:"security"`
	Strict   bool              `json:"strict"`
}

type errorView struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Status  int    `json:"status,omitempty"`
}

type eventView struct {
	Event  string            `json:"event"`
	Type   string            `json:"type"`
	Answer string            `json:"answer,omitempty"`
	Schema jsonschema.Object `json:"schema,omitempty"`
}

type routeView struct {
	Method     string   `json:"method"`
	Pattern    string   `json:"pattern"`
	Controller string   `json:"controller"`
	Func       string   `json:"func"`
	In         string   `json:"in,omitempty"`
	Out        string   `json:"out,omitempty"`
	Status     int      `json:"status,omitempty"`
	Params     []string `json:"params"`
	Security   []string `json:"security"`
}

type undeclared struct {
	Endpoint string `json:"endpoint"`
	Event    string `json:"event"`
	Count    int    `json:"count"`
}

// contracts are what is made of the description, once.
type contracts struct {
	once     sync.Once
	registry registry
	model    *contract.Model
	err      error
}

func (i *inspector) registry(context.Context, struct{}) (registry, error) {
	if err := i.describe(); err != nil {
		return registry{}, err
	}
	r := i.contracts.registry
	r.Undeclared = i.feed.unlisted()
	return r, nil
}

// describe makes what does not change.
func (i *inspector) describe() error {
	if err := i.running(); err != nil {
		return err
	}
	i.contracts.once.Do(func() {
		i.contracts.registry = describeAll(i.about.Gateways, i.about.Routes)
		i.contracts.registry.Path = i.options.Path
		if i.contracts.model, i.contracts.err = contract.From(&i.about); i.contracts.err == nil {
			for _, p := range i.contracts.model.Problems {
				i.contracts.registry.Problems = append(i.contracts.registry.Problems, p.String())
			}
		}
	})
	return i.contracts.err
}

// document returns a handler of a document of package contract.
func (i *inspector) document(of func(*contract.Model) ([]byte, error)) http.HandlerFunc {
	return web.Handle(func(w http.ResponseWriter, _ *http.Request) error {
		if err := i.describe(); err != nil {
			return err
		}
		text, err := of(i.contracts.model)
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, err = w.Write(text)
		return err
	})
}

func describeAll(gateways []websockets.GatewayInfo, routes []web.RouteInfo) registry {
	set := jsonschema.NewSet(jsonschema.Options{
		Prefix: "#/schemas/", Known: map[reflect.Type]jsonschema.Object{reflect.TypeFor[websockets.Payload](): {}},
	})
	r := registry{Gateways: []gatewayView{}, Routes: []routeView{}, Problems: []string{}}
	var used []any
	schema := func(t reflect.Type, use jsonschema.Use) jsonschema.Object {
		o := schemaOf(set, t, use)
		if o != nil {
			used = append(used, o)
		}
		return o
	}
	for _, g := range gateways {
		r.Gateways = append(r.Gateways, viewOf(g, schema))
	}
	for _, route := range routes {
		r.Routes = append(r.Routes, viewOfRoute(route))
	}
	set.Finish()
	r.Schemas = set.Definitions(used...)
	return r
}

// arguments is implemented by websockets.Args2 and Args3.
type arguments interface {
	Arguments(f seal.Framework) []any
}

// schemaOf returns the schema of a payload; nil of a type that carries nothing.
func schemaOf(set *jsonschema.Set, t reflect.Type, use jsonschema.Use) jsonschema.Object {
	if t == nil || t == reflect.TypeFor[struct{}]() {
		return nil
	}
	if !t.Implements(reflect.TypeFor[arguments]()) {
		return set.Of(t, use)
	}
	items := []any{}
	for f := range t.Fields() {
		items = append(items, set.Of(f.Type, use))
	}
	return jsonschema.M("type", "array", "prefixItems", items)
}

func viewOf(g websockets.GatewayInfo, schema func(reflect.Type, jsonschema.Use) jsonschema.Object) gatewayView {
	v := gatewayView{
		Name: g.Name, Type: g.Type.String(), Module: g.Module, Place: g.Place, Guards: list(g.Guards), Fallback: g.Fallback,
		Endpoints: []gatewayEndpoint{}, Handlers: []handlerView{}, Emits: []eventView{},
	}
	for _, e := range g.Endpoints {
		at := gatewayEndpoint{
			Name: endpointName(e.Platform, e.Path, e.Namespace), Platform: e.Platform, Listener: e.Listener, Path: e.Path, Namespace: e.Namespace,
			Origins: list(e.Origins), Security: credentials(e.Security),
		}
		if e.Addr != nil {
			at.Address = e.Addr.String()
		}
		v.Endpoints = append(v.Endpoints, at)
	}
	for _, s := range g.Subscriptions {
		h := handlerView{
			Event: s.Event, Kind: string(s.Kind), In: typeName(s.In), Out: typeName(s.Out), Schema: schema(s.In, jsonschema.Received),
			Func: s.Func, Place: s.Place, Sends: []string{}, Errors: []errorView{}, Security: credentials(s.Security), Strict: s.Strict,
		}
		for _, e := range s.Sends {
			name, _ := e.EventInfo()
			h.Sends = append(h.Sends, name)
		}
		for _, e := range s.Errors {
			h.Errors = append(h.Errors, errorView{e.Code, e.Message, e.Status})
		}
		v.Handlers = append(v.Handlers, h)
	}
	for _, e := range g.Emits {
		name, t := e.EventInfo()
		view := eventView{Event: name, Type: typeName(t), Schema: schema(t, jsonschema.Sent)}
		if a, ok := e.(websockets.Answered); ok {
			view.Answer = typeName(a.AnswerInfo())
		}
		v.Emits = append(v.Emits, view)
	}
	return v
}

func viewOfRoute(r web.RouteInfo) routeView {
	v := routeView{
		Method: r.Method, Pattern: r.Pattern, Controller: r.Controller, Func: r.Func, In: typeName(r.In), Out: typeName(r.Out),
		Status: r.Status, Params: []string{}, Security: credentials(r.Security),
	}
	for _, p := range r.Params {
		v.Params = append(v.Params, p.In+" "+p.Name+" "+typeName(p.Type))
	}
	return v
}

// credentials names the guards that read a credential, with the ways to send it.
func credentials(all []pipeline.Security) []string {
	names := []string{}
	for _, s := range all {
		var ways []string
		for _, scheme := range s.Schemes {
			ways = append(ways, strings.TrimSpace(string(scheme.Kind)+" "+scheme.Key))
		}
		names = append(names, strings.TrimSuffix(s.Guard+": "+strings.Join(ways, " or "), ": "))
	}
	return names
}

// typeName returns the name of a type; that of a struct without a name is cut.
func typeName(t reflect.Type) string {
	if t == nil {
		return ""
	}
	name := t.String()
	if before, _, found := strings.Cut(name, "struct {"); found && len(name) > 40 {
		return before + "struct {…}"
	}
	return name
}

func list(all []string) []string { return append([]string{}, all...) }

// unlisted returns the events that were sent and are not declared.
func (f *feed) unlisted() []undeclared {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []undeclared{}
	for at, n := range f.seen {
		all = append(all, undeclared{at.endpoint, at.event, n})
	}
	slices.SortFunc(all, func(a, b undeclared) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Event, b.Event))
	})
	return all
}
