// Package adaptertest is the conformance suite of [adapter.Adapter]: what
// gateways may rely on, whatever the platform, written once. An adapter that
// passes runs every gateway.
//
//	func TestConformance(t *testing.T) {
//		adaptertest.Run(t, adaptertest.Config{
//			New: func() adapter.Adapter { return ws.New() },
//			Dial: func(t testing.TB, baseURL, place string, opts ...apptest.DialOption) (*apptest.Client, error) {
//				return apptest.TryDialWS(t, baseURL+place, opts...)
//			},
//			Goodbye: apptest.Close{Code: 1001, Reason: "server shutting down"},
//		})
//	}
//
// Everything goes over real connections, with the application around it. What
// the suite expects depends on nothing but [adapter.Traits].
package adaptertest

import (
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Config describes the adapter under test.
type Config struct {
	// New makes the adapter. It is called for every application.
	New func() adapter.Adapter
	// Dial connects a client. baseURL is "http://host:port"; place is a
	// namespace ("/chat") where Traits.Namespaces says that there are any,
	// otherwise the path. A refusal is a [*apptest.DialError].
	Dial func(t testing.TB, baseURL, place string, opts ...apptest.DialOption) (*apptest.Client, error)
	// Goodbye is how a client sees that the application stops.
	Goodbye apptest.Close
	// Exceptions are tests that the adapter does not pass, by name, each with
	// the reason. They are not run. A name that no test has is an error.
	Exceptions map[string]string
}

// test is one thing that every adapter does.
type test struct {
	name string
	run  func(t *testing.T, s *suite)
}

// Run tests the adapter, each law of the gateways' behaviour in subtests of its own.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	if cfg.New == nil || cfg.Dial == nil {
		t.Fatal("adaptertest: Config needs New and Dial")
	}
	s := &suite{cfg: cfg, traits: cfg.New().Traits()}
	all := tests()
	for name, reason := range cfg.Exceptions {
		if !slices.ContainsFunc(all, func(x test) bool { return x.name == name }) {
			t.Errorf("adaptertest: Config.Exceptions: there is no test %q", name)
		}
		if reason == "" {
			t.Errorf("adaptertest: Config.Exceptions: %q has no reason", name)
		}
	}
	for _, x := range all {
		t.Run(x.name, func(t *testing.T) {
			if reason, ok := cfg.Exceptions[x.name]; ok {
				t.Logf("an exception of this adapter: %s", reason)
				return
			}
			x.run(t, s)
		})
	}
}

func tests() []test {
	return slices.Concat(
		admissionTests(), doorTests(), porterTests(), placeTests(), pipelineTests(), connectionTests(), disconnectTests(), orderTests(),
		replyTests(), streamTests(), payloadTests(), unknownTests(), failureTests(), panicTests(),
		roomTests(), callTests(), slowTests(), physicalTests(), volatileTests(), observeTests(), stopTests(), bindingTests(),
	)
}
