package adaptertest

import (
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Config describes the adapter under test.
type Config struct {
	// New returns a new adapter. It is called for each application.
	New func() adapter.Adapter
	// Dial connects a client. baseURL is "http://host:port"; target is a namespace
	// such as "/chat" if Traits.Namespaces is set, otherwise a path. If the server
	// rejects the client, the error is a [*apptest.DialError].
	Dial func(t testing.TB, baseURL, target string, opts ...apptest.DialOption) (*apptest.Client, error)
	// Traced sends an event with a trace context, in the form of the protocol. nil for adapters that have none.
	Traced func(c *apptest.Client, event string, data int, traceparent string)
	// ShutdownClose is the close that a client receives when the application stops.
	ShutdownClose apptest.Close
	// Started is called with each application that a test has started, before clients connect; nil for none. The
	// gateways of the tests list all that they send by websockets.Emits and websockets.Sends, and App.Gateways describes
	// them: so an adapter can hold the frames of its clients, which Dial connects, to documents of its protocol.
	Started func(t testing.TB, a *apptest.App)
	// Exceptions maps the names of tests that the adapter does not pass to the reason.
	// These tests are not run. An unknown name is an error.
	Exceptions map[string]string
}

type test struct {
	name string
	run  func(t *testing.T, s *suite)
}

// Run tests the adapter, with a subtest for each rule.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	if cfg.New == nil || cfg.Dial == nil {
		t.Fatal("adaptertest: Config needs New and Dial")
	}
	s := &suite{cfg: cfg, traits: cfg.New().Traits()}
	all := tests()
	for name, reason := range cfg.Exceptions {
		if !slices.ContainsFunc(all, func(x test) bool { return x.name == name }) {
			t.Errorf("adaptertest: Config.Exceptions: unknown test %q", name)
		}
		if reason == "" {
			t.Errorf("adaptertest: Config.Exceptions: %q has no reason", name)
		}
	}
	if !t.Run("smoke: connect, call, be called, leave", func(t *testing.T) { smoke(t, s) }) {
		t.Fatal("adaptertest: the other tests were not run: they need what this one tests")
	}
	for _, x := range all {
		t.Run(x.name, func(t *testing.T) {
			if reason, ok := cfg.Exceptions[x.name]; ok {
				t.Logf("exception of this adapter: %s", reason)
				return
			}
			x.run(t, s)
		})
	}
}

func tests() []test {
	return slices.Concat(
		admissionTests, connectPipelineTests, handshakeGuardTests, maxConnectionsTests, pipelineTests, connectionTests, disconnectTests(), orderTests,
		replyTests, streamTests, payloadTests, argumentTests, unknownTests, failureTests, panicTests, originTests, limitsTests, closingTests, sendQueueTests, traitsTests,
		roomTests, callTests, slowTests, connectionStoreTests, volatileTests, observeTests, hooksTests, traceTests, stopTests, bindingTests(),
	)
}
