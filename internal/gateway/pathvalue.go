package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// pathValues adds what is wrong with the path values of a gateway at an endpoint.
func (p *planner) pathValues(name, path string, pattern namespacePattern, cfg *config.Gateway) {
	where, at, names := fmt.Sprintf("Path(%q)", path), strings.TrimSuffix(path, "{$}"), pathNames(path)
	if pattern.name != "" {
		where, at, names = pattern.option(), pattern.name, pattern.names()
	}
	for _, v := range cfg.PathValues {
		value, option := v.Declared()
		switch {
		case slices.Contains(names, value):
		case len(names) > 0:
			p.addf("gateway %s: %s: %s has no such name; it has: %s", name, option, where, strings.Join(names, ", "))
		case pattern.fn != nil || pattern.re != nil:
			p.addf("gateway %s: %s: %s has no names; use a Namespace with one in braces, such as \"/orgs/{org}\", or a named group in NamespaceRegexp", name, option, where)
		default:
			p.addf("gateway %s: %s: %s has no names; write one in braces, such as %q", name, option, where, strings.TrimSuffix(at, "/")+"/{"+value+"}")
		}
	}
}

// pathNames returns the names of the wildcards in a pattern of http.ServeMux.
func pathNames(path string) (names []string) {
	for segment := range strings.SplitSeq(path, "/") {
		inner, isVar := strings.CutPrefix(segment, "{")
		inner, closed := strings.CutSuffix(inner, "}")
		if isVar && closed && inner != "$" {
			names = append(names, strings.TrimSuffix(inner, "..."))
		}
	}
	return names
}

// names returns the names of the parts of a namespace.
func (p namespacePattern) names() []string {
	if p.re == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.re.SubexpNames()), func(name string) bool { return name == "" })
}

// declarePathValues adds the path values of a gateway, each once.
func (e *endpoint) declarePathValues(values []config.PathValue) {
	for _, v := range values {
		_, option := v.Declared()
		if !slices.ContainsFunc(e.pathValues, func(o config.PathValue) bool { _, other := o.Declared(); return other == option }) {
			e.pathValues = append(e.pathValues, v)
		}
	}
}

// readPath converts the path values of a client. The error is that for the client.
func (e *endpoint) readPath(ctx context.Context, h *adapter.Handshake) (err error) {
	defer func() {
		if v := recover(); v != nil {
			failure := recovered.New(v)
			e.log.ErrorContext(ctx, "panic in UnmarshalText of a path value", append(failure.Attrs(), "remote", remote.Text(h.Request))...)
			err = failure
		}
	}()
	var wrong []*pipeline.Error
	for _, v := range e.pathValues {
		if err := v.Read(&h.Handshake, h.Request); err != nil {
			wrong = append(wrong, err)
		}
	}
	if err := decodeerr.Join(wrong); err != nil {
		e.log.DebugContext(ctx, "refused", "code", err.Code, "error", err, "remote", remote.Text(h.Request))
		return err
	}
	return nil
}
