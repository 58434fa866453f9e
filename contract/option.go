package contract

import (
	"cmp"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
)

// Option configures [From].
type Option interface{ apply(*settings) }

type option func(*settings)

func (f option) apply(s *settings) { f(s) }

type settings struct {
	title, version string
	asyncapi       string
	url            *url.URL
	known          map[reflect.Type]jsonschema.Object
	describe       func(name string) string // may be nil
	err            error                    // the first wrong option
}

// Title sets the title of the documents. Default: the name of the root module.
func Title(title string) Option { return option(func(s *settings) { s.title = title }) }

// Version sets the version of the application in the documents. Default: 0.0.0.
func Version(version string) Option { return option(func(s *settings) { s.version = version }) }

// URL sets where clients reach the application: https://api.example.com. Default: http://localhost. Gateways with an address of
// their own have its port.
func URL(base string) Option {
	return option(func(s *settings) {
		u, err := url.Parse(base)
		if err == nil && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			err = fmt.Errorf("it has no form like https://api.example.com")
		}
		if err != nil {
			s.failf("URL(%q): %w", base, err)
			return
		}
		s.url = u
	})
}

// AsyncAPIVersions are the versions of AsyncAPI that [AsyncAPIVersion] accepts.
func AsyncAPIVersions() []string { return []string{"3.0.0", "3.1.0"} }

// AsyncAPIVersion sets the version of AsyncAPI, one of [AsyncAPIVersions]. Default: 3.0.0.
func AsyncAPIVersion(version string) Option {
	return option(func(s *settings) {
		if !slices.Contains(AsyncAPIVersions(), version) {
			s.failf("AsyncAPIVersion(%q): use one of %v", version, AsyncAPIVersions())
		}
		s.asyncapi = version
	})
}

// Type sets the JSON Schema of T, for a type of another package that has a MarshalJSON of its own:
//
//	contract.Type[decimal.Decimal](`{"type":"string","pattern":"^-?[0-9.]+$"}`)
func Type[T any](schema string) Option {
	t := reflect.TypeFor[T]()
	return option(func(s *settings) {
		o, err := jsonschema.Parse(jsontext.Value(schema))
		if err != nil {
			s.failf("Type[%v]: %w", t, err)
			return
		}
		s.known[t] = o
	})
}

// Descriptions sets where the descriptions of handlers, routes and types come from. The function returns that of a name, and "" for
// none: "example.com/chat.(*Gateway).Join" is a method, "example.com/chat.Message" a type. contracttest.Comments has those of doc comments.
// Default: no descriptions.
func Descriptions(of func(name string) string) Option {
	return option(func(s *settings) { s.describe = of })
}

// description returns the description of a function; empty for none.
func (s *settings) description(name string) string {
	if s.describe == nil || name == "" || closure.MatchString(name) {
		return ""
	}
	return s.describe(name)
}

// typeDescription returns the description of a type; empty for none.
func (s *settings) typeDescription(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	if s.describe == nil || name == "" || t.PkgPath() == "" {
		return ""
	}
	return s.describe(t.PkgPath() + "." + name)
}

func (s *settings) failf(format string, args ...any) {
	s.err = cmp.Or(s.err, fmt.Errorf("contract: "+format, args...))
}
