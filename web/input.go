package web

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// read sets in from the request.
func (p *inputPlan) read(in reflect.Value, x *exchange, w http.ResponseWriter, r *http.Request, strict bool) error {
	if len(p.params) > 0 {
		if err := p.readParams(in, r); err != nil {
			return err
		}
	}
	if !p.body || !expectsBody(r) {
		return nil
	}
	b, err := x.in.of(w, r, x.ep.limit)
	if err != nil {
		return err
	}
	target := in.Addr()
	if p.bodyType != nil {
		target = reflect.NewAt(p.bodyType, target.UnsafePointer())
	}
	o := codec.Options{Strict: strict, Budget: codec.BudgetFactor * int(x.ep.limit)}
	if x.ep.v1 {
		return decodedV1(p.decoder, b, target.Interface(), o)
	}
	return decoded(p.decoder.Decode(b, target.Interface(), o))
}

// expectsBody reports whether a request has a body or needs one.
func expectsBody(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return false
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return true
	default:
		return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
	}
}

func (p *inputPlan) readParams(in reflect.Value, r *http.Request) error {
	var query url.Values
	if p.query {
		var err error
		if query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return decodeerr.Syntax(decodeerr.Query, err)
		}
	}
	var wrong []*pipeline.Error
	for i := range p.params {
		m := &p.params[i]
		var values []string
		switch m.source {
		case fromPath:
			v, err := pathValue(r, m.name)
			if err != nil {
				wrong = append(wrong, invalid(m.name, decodeerr.InvalidFormat))
				continue
			}
			if v != "" {
				values = []string{v}
			}
		case fromQuery:
			values = query[m.name]
		default:
			values = r.Header[m.name]
			if m.name == "Host" && r.Host != "" { // net/http removes it from the headers
				values = []string{r.Host}
			}
		}
		if len(values) == 0 {
			continue
		}
		if err := m.set(in.FieldByIndex(m.index), m.name, values); err != nil {
			wrong = append(wrong, err)
		}
	}
	if err := decodeerr.Join(wrong); err != nil {
		return err
	}
	return nil
}

// pathValue returns a parameter of the pattern, decoded.
func pathValue(r *http.Request, name string) (string, error) {
	c := chi.RouteContext(r.Context())
	if c == nil || !slices.Contains(c.URLParams.Keys, name) {
		return r.PathValue(name), nil
	}
	return unescaped(r, c.URLParam(name))
}

// unescaped decodes a parameter of chi: chi matches the encoded path if decoding would lose
// information.
func unescaped(r *http.Request, v string) (string, error) {
	if r.URL.RawPath == "" || !strings.Contains(v, "%") {
		return v, nil
	}
	return url.PathUnescape(v)
}

// decodePath decodes the path values of a request, so that guards see the same values as
// handlers.
func decodePath(r *http.Request) {
	c := chi.RouteContext(r.Context())
	if c == nil || r.URL.RawPath == "" {
		return
	}
	for i, name := range c.URLParams.Keys {
		if v, err := unescaped(r, c.URLParams.Values[i]); err == nil {
			r.SetPathValue(name, v)
		}
	}
}
