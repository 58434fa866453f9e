package contracts

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/test/contracts/wire"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/gatehouse-go/gatehouse/websockets/adaptertest"
)

// otherFrames are the tests of the suite with frames that their documents do not describe, and why: on both platforms, or on one.
var otherFrames = map[string]string{
	"calls: CallAll calls every client":                                                         "a client answers a text where a number is wanted, which the caller finds",
	"law 12: an unknown event is an error for a waiting ack, otherwise ignored":                 "a client sends an event that no handler has, and wants no answer",
	"OnAny sees every message before its handler":                                               "the same",
	"law 13: interceptors replace results, items and errors":                                    "by results of another type than the handler's",
	"law 13: a filter that panics, an answer with a custom body":                                "Error.Body has any form",
	"ws: law 10: a client cancels a stream":                                                     "by the event gatehouse:cancel, which is that of Socket.IO: frames have a member of their own, cancel",
	"socketio: law 11: several arguments of an event that is sent, and of the answer to a call": "a client answers by one argument that is the list of both, which is accepted",
	"socketio: law 14: ExceptionEvent":                                                          "documents have no other name of the event exception",
	"socketio: NamespaceFunc serves the namespaces that it accepts":                             "documents have no namespaces that a function accepts, only its name",
}

// TestConformance: every frame of the conformance suite, on both platforms, is a message of the document of the application that it is
// sent to, but for those of the tests in otherFrames.
func TestConformance(t *testing.T) {
	v1 := func() adapter.Adapter { return ws.New(ws.Options{ExplainRefusals: ws.On, Recovery: &ws.Recovery{}}) }
	dialWS := func(t testing.TB, url, target string, opts ...apptest.DialOption) (*apptest.Client, error) {
		t.Helper()
		return apptest.TryDialWS(t, url+target, opts...)
	}
	for name, c := range map[string]struct {
		run func(t *testing.T, cfg adaptertest.Config)
		adaptertest.Config
	}{
		"ws": {adaptertest.Run, adaptertest.Config{
			New:  func() adapter.Adapter { return ws.New() },
			Dial: dialWS,
			Traced: func(c *apptest.Client, event string, data int, traceparent string) {
				c.Raw().Text(fmt.Sprintf(`{"event":%q,"data":%d,"traceparent":%q}`, event, data, traceparent))
			},
			ShutdownClose: apptest.Close{Code: 1001, Reason: "server shutting down"},
		}},
		"gatehouse.v1": {adaptertest.RunV1, adaptertest.Config{New: v1, Dial: dialWS}},
		"socketio": {adaptertest.Run, adaptertest.Config{
			New: func() adapter.Adapter { return socketio.New(socketio.Options{TraceArgument: socketio.On}) },
			Traced: func(c *apptest.Client, event string, data int, traceparent string) {
				c.Emit(event, data, "tp="+traceparent)
			},
			ShutdownClose: apptest.Close{Code: 1001, Reason: "transport close"},
			Dial: func(t testing.TB, url, target string, opts ...apptest.DialOption) (*apptest.Client, error) {
				t.Helper()
				return apptest.TryDialSocketIO(t, url, append([]apptest.DialOption{apptest.WithNamespace(target)}, opts...)...)
			},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &suite{apps: map[testing.TB][]*recorded{}}
			cfg, dial := c.Config, c.Dial
			cfg.Started = func(t testing.TB, a *apptest.App) { t.Helper(); s.started(t, a) }
			cfg.Dial = func(t testing.TB, url, target string, opts ...apptest.DialOption) (*apptest.Client, error) {
				t.Helper()
				if r := s.at(t, url); r != nil {
					opts = append(slices.Clip(opts), r.Watch())
				}
				return dial(t, url, target, opts...)
			}
			c.run(t, cfg)
			t.Logf("%d frames are valid, %d mistakes of clients were answered, %d tests have frames without a description", s.valid, s.mistakes, len(s.others))
			if s.valid == 0 {
				t.Error("no frame was checked")
			}
		})
	}
}

// suite is the conformance suite of one platform.
type suite struct {
	mu              sync.Mutex
	apps            map[testing.TB][]*recorded // of each test that runs
	valid, mistakes int
	others          []string // tests with frames that are not described
}

// recorded is an application with what its clients send and receive.
type recorded struct {
	*wire.Recorder

	url      string
	document []byte
}

// started records the clients of an application, and checks their frames at the end of the test.
func (s *suite) started(t testing.TB, a *apptest.App) {
	t.Helper()
	m, err := contract.From(&app.Description{Modules: a.App().Modules(), Gateways: a.App().Gateways()})
	if err != nil {
		t.Fatal(err)
	}
	document, err := m.AsyncAPI()
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.apps[t] == nil
	s.apps[t] = append(s.apps[t], &recorded{&wire.Recorder{}, a.URL(), document})
	if first { // after the clients are closed, before the application stops
		t.Cleanup(func() { s.check(t) })
	}
}

// at returns the application at a URL, or of a listener of its own.
func (s *suite) at(t testing.TB, url string) *recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.apps[t]
	if i := slices.IndexFunc(all, func(r *recorded) bool { return r.url == url }); i >= 0 {
		return all[i]
	}
	if len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// check validates the frames of a test.
func (s *suite) check(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	_, name, _ := strings.Cut(t.Name(), "/")
	platform, name, _ := strings.Cut(name, "/")
	name = strings.ReplaceAll(name, "_", " ")
	why, except := otherFrames[name]
	if !except {
		why, except = otherFrames[platform+": "+name]
	}
	failures := &testkit.Recorder{TB: t}
	valid, mistakes := 0, 0
	for _, r := range s.apps[t] {
		report := wire.Check(failures, r.document, r.Recorder)
		valid, mistakes = valid+report.Valid, mistakes+report.Mistakes
	}
	delete(s.apps, t)
	found := failures.Failures()
	switch {
	case except && len(found) == 0:
		t.Errorf("%s: all frames are described; remove it from otherFrames: %s", name, why)
	case except:
		s.others = append(s.others, name)
	case len(found) > 0:
		t.Errorf("%s: %d frames, such as\n%s", name, len(found), strings.Join(found[:min(len(found), 5)], "\n"))
	default:
		s.valid, s.mistakes = s.valid+valid, s.mistakes+mistakes
	}
}
