package contract

import (
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
	"github.com/gatehouse-go/gatehouse/web"
)

// route describes a route of a controller.
func (b *builder) route(r web.RouteInfo) {
	at := strings.TrimSpace(r.Method + " " + r.Pattern)
	b.at = Problem{Route: at}
	if r.Method != "" && !slices.Contains(documented, r.Method) {
		b.problem(Problem{Route: at, Text: "OpenAPI has no operation for the method: it is left out"})
		return
	}
	if b.failure == nil {
		b.failure = failureSchema()
	}
	x := route{RouteInfo: r, description: b.settings.description(r.Func), security: b.requirements(r.Security, ofRequests)}
	for _, p := range r.Params {
		b.schemas.Within(p.Name, func() { x.params = append(x.params, b.parameter(p.Type)) })
	}
	if r.Body && r.In != nil {
		x.body = b.schemas.Body(r.In, jsonschema.Received)
	}
	if r.Out != nil && r.Status != http.StatusNoContent && !isNothing(r.Out) {
		x.result = b.schemas.Body(r.Out, jsonschema.Sent)
	}
	b.routes = append(b.routes, x)
}

// documented are the methods of OpenAPI, anyMethod those of a route for any.
var (
	documented = []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodHead, http.MethodPatch, http.MethodTrace}
	anyMethod  = []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch}
)

// parameter returns the schema of a parameter, which is a text on the wire.
func (b *builder) parameter(t reflect.Type) object {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return m("type", "string", "examples", []any{"1h30m"})
	case codec.MethodOf(t, false) == codec.ByKind && t.Kind() == reflect.Slice:
		return m("type", "array", "items", b.parameter(t.Elem()))
	}
	return b.schemas.Of(t, jsonschema.Received)
}

func failureSchema() object {
	text := m("type", "string")
	return m("type", "object",
		"properties", m("statusCode", m("type", "integer"), "message", text, "error", text, "code", text, "details", object{}),
		"required", []any{"statusCode", "message", "error"})
}

// OpenAPI returns the document of the controllers, in version 3.1.0, as indented JSON. Routes that are not made by web.JSON are
// listed with x-gatehouse-untyped.
func (m *Model) OpenAPI() ([]byte, error) {
	paths := object{}
	ids := map[string]bool{}
	var used [][]requirement
	for _, r := range m.routes {
		used = append(used, r.security)
		path, inPath := pathOf(r.Pattern)
		methods := []string{r.Method}
		if r.Method == "" {
			methods = anyMethod
		}
		i := slices.IndexFunc(paths, func(m jsonschema.Member) bool { return m.Name == path })
		if i < 0 {
			i = len(paths)
			paths = paths.With(path, object{})
		}
		item, _ := paths[i].Value.(object)
		for _, method := range methods {
			if name := strings.ToLower(method); item.Get(name) == nil {
				id := (&builder{}).unique(r.id(method), func(id string) bool { return ids[id] })
				ids[id] = true
				item = item.With(name, r.operation(id, method, inPath))
			}
		}
		paths[i].Value = item
	}
	doc := object{}.With("openapi", "3.1.0").With("info", m.info()).
		With("servers", []any{object{}.With("url", m.settings.url.String())}).
		With("paths", paths)
	if len(m.routes) > 0 {
		components := object{}.With("schemas", m.withNamed(m.schemas.Definitions(paths), failureName, m.failure))
		doc = doc.With("components", m.withSchemes(components, used, namedScheme.openAPI))
	}
	return doc.Text()
}

// pathParameter is a parameter in a pattern.
type pathParameter struct{ name, pattern string }

// pathOf returns the path of a pattern of chi, and its parameters: {id:[0-9]+} is {id}, and * is {path}.
func pathOf(pattern string) (path string, parameters []pathParameter) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			parameters = append(parameters, pathParameter{name: "path"})
			b.WriteString("{path}")
		case '{':
			start, depth := i+1, 1
			for i++; i < len(pattern); i++ {
				if pattern[i] == '{' {
					depth++
				} else if pattern[i] == '}' {
					if depth--; depth == 0 {
						break
					}
				}
			}
			name, expression, _ := strings.Cut(pattern[start:min(i, len(pattern))], ":")
			parameters = append(parameters, pathParameter{name, expression})
			b.WriteString("{" + name + "}")
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), parameters
}

// id returns the operationId: chat.Controller.list of example.com/chat.(*Controller).list; get.rooms of GET /rooms where the
// function is not of web.JSON, or has no name of its own.
func (r *route) id(method string) string {
	if r.In == nil || r.Func == "" || closure.MatchString(r.Func) {
		path, _ := pathOf(r.Pattern)
		return strings.TrimSuffix(strings.ToLower(method)+"."+label(path), ".")
	}
	return label(strings.NewReplacer("(*", "", "(", "", ")", "").Replace(r.Func[strings.LastIndexByte(r.Func, '/')+1:]))
}

// closure matches the name of a function in another one.
var closure = regexp.MustCompile(`\.func[0-9]`)

func (r *route) operation(id, method string, inPath []pathParameter) object {
	o := m("operationId", id, "tags", []any{r.Controller})
	if r.description != "" {
		o = o.With("description", r.description)
	}
	if len(r.security) > 0 {
		o = o.With("security", alternatives(r.security))
	}
	if parameters := r.parameters(inPath); len(parameters) > 0 {
		o = o.With("parameters", parameters)
	}
	if r.body != nil {
		body := m("content", content(r.body))
		if method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
			body = m("required", true, "content", content(r.body))
		}
		o = o.With("requestBody", body)
	}
	o = o.With("responses", r.responses(method))
	if r.In == nil {
		o = o.With("x-gatehouse-untyped", true)
	}
	return o
}

func content(schema object) object { return m("application/json", m("schema", schema)) }

func (r *route) parameters(inPath []pathParameter) []any {
	all := []any{}
	for _, p := range inPath {
		schema := m("type", "string")
		for i, typed := range r.Params {
			if typed.In == "path" && (typed.Name == p.name || typed.Name == "*" && p.name == "path") {
				schema = r.params[i]
			}
		}
		if p.pattern != "" && schema.Get("type") == "string" && schema.Get("pattern") == nil {
			schema = schema.With("pattern", "^(?:"+p.pattern+")$")
		}
		all = append(all, m("name", p.name, "in", "path", "required", true, "schema", schema))
	}
	for i, p := range r.Params {
		if p.In != "path" {
			all = append(all, m("name", p.Name, "in", p.In, "schema", r.params[i]))
		}
	}
	return all
}

func (r *route) responses(method string) object {
	if r.In == nil {
		return m("default", m("description", "What the handler writes."))
	}
	status := r.Status
	if r.Method == "" && method == http.MethodPost && status == http.StatusOK {
		status = http.StatusCreated
	}
	success := m("description", http.StatusText(status))
	if r.result != nil {
		success = success.With("content", content(r.result))
	}
	all := object{}.With(strconv.Itoa(status), success)
	byStatus := map[int][]*web.Error{}
	for _, e := range r.Errors {
		s := e.Status
		if s == 0 {
			s = http.StatusBadRequest
		}
		byStatus[s] = append(byStatus[s], e)
	}
	failure := m("$ref", "#/components/schemas/"+failureName)
	for _, s := range sortedKeys(byStatus) {
		messages := make([]string, len(byStatus[s]))
		for i, e := range byStatus[s] {
			messages[i] = e.Message
		}
		schema := failure
		if codes := codes(byStatus[s]); codes != nil {
			schema = m("allOf", []any{failure, m("properties", m("code", codes))})
		}
		all = all.With(strconv.Itoa(s), m("description", strings.Join(messages, "; "), "content", content(schema)))
	}
	return all.With("default", m("description", "An error.", "content", content(failure)))
}

func sortedKeys(of map[int][]*web.Error) []int {
	keys := make([]int, 0, len(of))
	for k := range of {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
