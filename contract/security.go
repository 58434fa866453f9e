package contract

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// requirement has the names of the schemes that pass one guard: clients use one of them.
type requirement []string

// namedScheme is a scheme under its name in the documents.
type namedScheme struct {
	name string
	pipeline.Scheme
}

// Where schemes can be used.
var (
	ofRequests = []pipeline.SchemeKind{pipeline.SchemeBearer, pipeline.SchemeBasic, pipeline.SchemeHeader, pipeline.SchemeCookie, pipeline.SchemeQuery}
	ofFramed   = append(slices.Clone(ofRequests), pipeline.SchemeSubprotocol)
	ofSocketIO = append(slices.Clone(ofRequests), pipeline.SchemeAuth)
)

func (c *channel) schemeKinds() []pipeline.SchemeKind {
	if c.framed {
		return ofFramed
	}
	return ofSocketIO
}

func (r requirement) in(all []requirement) bool {
	return slices.ContainsFunc(all, func(o requirement) bool { return slices.Equal(o, r) })
}

// joined returns requirements with more of them, each once.
func joined(all []requirement, more ...requirement) []requirement {
	for _, r := range more {
		if !r.in(all) {
			all = append(all, r)
		}
	}
	return all
}

// requirements returns what guards need, each requirement once.
func (b *builder) requirements(guards []pipeline.Security, usable []pipeline.SchemeKind) (all []requirement) {
	add := func(format string, args ...any) {
		b.problem(Problem{Gateway: b.at.Gateway, Event: b.at.Event, Route: b.at.Route, Text: fmt.Sprintf(format, args...)})
	}
	for _, g := range guards {
		var r requirement
		for _, s := range g.Schemes {
			switch {
			case !slices.Contains(ofFramed, s.Kind) && s.Kind != pipeline.SchemeAuth:
				add("guard %s: a scheme of it has the kind %q: use one of the constants of package pipeline", g.Guard, s.Kind)
			case slices.Contains(usable, s.Kind):
				r = append(r, b.nameOf(s))
			}
		}
		switch {
		case len(g.Schemes) == 0:
			add("guard %s: how clients send its credential is not known before it is built: bind it by pipeline.WithSchemes, or use contracttest.Built", g.Guard)
		case len(r) == 0:
			add("guard %s: none of its schemes can be used here: declare one more, or bind it elsewhere", g.Guard)
		default:
			all = joined(all, r)
		}
	}
	return all
}

// nameOf returns the name of a scheme in the documents, and adds it to those of the model.
func (b *builder) nameOf(s pipeline.Scheme) string {
	for _, known := range b.Model.schemes {
		if known.Scheme == s {
			return known.name
		}
	}
	name := cmp.Or(s.Name, string(s.Kind))
	if s.Name == "" && s.Key != "" {
		name += "_" + s.Key
	}
	name = b.unique(label(name), func(name string) bool {
		return slices.ContainsFunc(b.Model.schemes, func(o namedScheme) bool { return o.name == name })
	})
	b.Model.schemes = append(b.Model.schemes, namedScheme{name, s})
	return name
}

// asyncAPI returns a scheme as AsyncAPI has it, which knows no credential of a subprotocol or of `auth`.
func (s namedScheme) asyncAPI() object {
	switch s.Kind {
	case pipeline.SchemeSubprotocol:
		about := cmp.Or(s.Description, fmt.Sprintf("The entry after %q in the list of subprotocols.", s.Key))
		return m("type", "httpApiKey", "name", "Sec-WebSocket-Protocol", "in", "header", "description", about, "x-gatehouse-subprotocol", s.Key)
	case pipeline.SchemeAuth:
		about := cmp.Or(s.Description, fmt.Sprintf("The field %q of auth.", s.Key))
		return m("type", "apiKey", "in", "password", "description", about, "x-gatehouse-auth", s.Key)
	}
	return s.http("httpApiKey")
}

// openAPI returns a scheme as OpenAPI has it.
func (s namedScheme) openAPI() object { return s.http("apiKey") }

// http returns the scheme of a request. apiKey is the type of those that are neither bearer nor basic.
func (s namedScheme) http(apiKey string) object {
	var o object
	switch s.Kind {
	case pipeline.SchemeBearer, pipeline.SchemeBasic:
		o = m("type", "http", "scheme", string(s.Kind))
		if s.Kind == pipeline.SchemeBearer && s.Format != "" {
			o = o.With("bearerFormat", s.Format)
		}
	default:
		o = m("type", apiKey, "name", s.Key, "in", string(s.Kind))
	}
	if s.Description != "" {
		o = o.With("description", s.Description)
	}
	return o
}

// withSchemes adds the schemes that are used to the components of a document.
func (m *Model) withSchemes(components object, used [][]requirement, write func(namedScheme) object) object {
	var schemes object
	for _, s := range m.schemes {
		if slices.ContainsFunc(used, func(all []requirement) bool {
			return slices.ContainsFunc(all, func(r requirement) bool { return slices.Contains(r, s.name) })
		}) {
			schemes = schemes.With(s.name, write(s))
		}
	}
	if len(schemes) == 0 {
		return components
	}
	return components.With("securitySchemes", schemes)
}

// alternatives returns the sets of schemes of OpenAPI, each of which is enough: one scheme of each requirement.
func alternatives(all []requirement) []any {
	sets := []object{{}}
	for _, r := range all {
		var longer []object
		for _, set := range sets {
			for _, name := range r {
				longer = append(longer, slices.Clone(set).With(name, []any{}))
			}
		}
		sets = longer
	}
	out := make([]any, len(sets))
	for i, set := range sets {
		out[i] = set
	}
	return out
}

// secured adds what a client needs to a server or an operation of AsyncAPI. Its security is a list of schemes, of which one is enough:
// where several guards need one each, it is that of the first, and the extension has all.
func secured(o object, all []requirement) object {
	if len(all) == 0 {
		return o
	}
	refs := []any{}
	for _, name := range all[0] {
		refs = append(refs, m("$ref", "#/components/securitySchemes/"+name))
	}
	o = o.With("security", refs)
	if len(all) > 1 {
		lists := []any{}
		for _, r := range all {
			names := []any{}
			for _, name := range r {
				names = append(names, name)
			}
			lists = append(lists, names)
		}
		o = o.With("x-gatehouse-security", lists)
	}
	return o
}
