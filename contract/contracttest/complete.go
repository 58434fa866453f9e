package contracttest

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/place"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Complete is [apptest.New], and fails the test at its end for what the gateways have done and the documents do not say:
//
//   - a client was sent an event that no gateway at its endpoint lists by websockets.Emits, nor one of its handlers by
//     websockets.Sends;
//   - a handler has answered with an error whose code it does not list by websockets.Errors. Codes of guards and of the framework
//     need no list, nor does an error without a code.
//
// Each is reported once, with the gateways and the line that sent it or that has the handler:
//
//	func TestChat(t *testing.T) {
//		a := contracttest.Complete(t, chat.Module, apptest.With(app.WebSockets(ws.New())))
//		a.DialWS("/chat").Call("join", "tea")
//	}
//
// Routes are not watched.
func Complete(t testing.TB, root *module.Module, opts ...apptest.Option) *apptest.App {
	t.Helper()
	w := &watch{endpoints: map[address]endpoint{}, lines: map[string]string{}, events: map[sentEvent]string{}, codes: map[sentCode]bool{}}
	var gateways []websockets.GatewayInfo
	t.Cleanup(func() { // runs after the application has stopped
		for _, p := range w.problems(gateways) {
			t.Errorf("contracttest: %s", p)
		}
	})
	a := apptest.New(t, root, append(slices.Clone(opts), apptest.With(app.Observe(w.hooks())))...)
	gateways = a.App().Gateways()
	return a
}

// watch records what the clients of an application are sent.
type watch struct {
	mu        sync.Mutex
	endpoints map[address]endpoint
	lines     map[string]string    // where an event was emitted first
	events    map[sentEvent]string // where
	codes     map[sentCode]bool
}

type (
	// address is where a client is.
	address struct{ platform, path, namespace string }
	// endpoint is what was declared for it.
	endpoint  struct{ platform, path, namespace string }
	sentEvent struct {
		at    address
		event string
	}
	sentCode struct{ gateway, event, code string }
)

func (w *watch) hooks() observe.Hooks {
	return observe.Hooks{
		Admit: func(ctx context.Context, a observe.Attempt) (context.Context, func(error)) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.endpoints[address{a.Platform, pathOf(a.Request.URL), a.Namespace}] = endpoint{a.Platform, a.Path, a.Endpoint}
			return ctx, nil
		},
		Emit: func(ctx context.Context, e observe.Emission) (context.Context, func(observe.Delivery)) {
			line := callerOutside()
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.lines[e.Event] == "" {
				w.lines[e.Event] = line
			}
			return ctx, nil
		},
		Sent: func(c websockets.Client, s observe.Sent) {
			if s.Event == websockets.EventException || s.Event == websockets.EventShutdown {
				return
			}
			at := sentEvent{address{c.Platform(), pathOf(c.Request().URL), c.Namespace()}, s.Event}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events[at] = w.lines[s.Event]
		},
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			return ctx, func(o observe.Outcome) {
				if o.Sent == nil || o.Denied || o.Panicked || slices.Contains(ownCodes, o.Sent.Code) {
					return
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				w.codes[sentCode{h.Gateway, h.Event, o.Sent.Code}] = true
			}
		},
	}
}

func pathOf(u *url.URL) string { return strings.TrimSuffix(u.Path, "/") }

// ownCodes are those of the framework, and that of an error without a code.
var ownCodes = []string{
	"", websockets.CodeBadPayload, websockets.CodeBadMessage, websockets.CodeUnknownEvent, websockets.CodeTooManyTasks, websockets.CodeTooManyRooms,
	websockets.CodeRoomName, websockets.CodeNotAccepting, websockets.CodeForbidden, websockets.CodeNotFound, pipeline.CodeUnauthorized, pipeline.CodeTimeout,
}

// framework starts the names of the functions that are between the line of an application and the hooks.
var framework = []string{
	"github.com/gatehouse-go/gatehouse/websockets.", "github.com/gatehouse-go/gatehouse/internal/",
	"github.com/gatehouse-go/gatehouse/contract/contracttest.", "github.com/gatehouse-go/gatehouse/presence.", "runtime.", "reflect.",
}

// callerOutside returns the line of the application that has called the framework; empty where no function of it is on the stack.
func callerOutside() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !slices.ContainsFunc(framework, func(p string) bool { return strings.HasPrefix(f.Function, p) }) {
			return place.OfFrame(f).String()
		}
		if !more {
			return ""
		}
	}
}

// problems returns what is not declared, sorted.
func (w *watch) problems(gateways []websockets.GatewayInfo) (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for e, line := range w.events {
		at := w.endpoints[e.at]
		var names []string
		declared := false
		for _, g := range gateways {
			if slices.ContainsFunc(g.Endpoints, func(i websockets.EndpointInfo) bool { return endpoint{i.Platform, i.Path, i.Namespace} == at }) {
				names = append(names, fmt.Sprintf("%s (%s)", g.Name, g.Place))
				declared = declared || emits(g, e.event)
			}
		}
		if !declared {
			all = append(all, fmt.Sprintf("event %q, sent%s to a client of %s, is not declared: list it with websockets.Emits, or websockets.Sends at its handler",
				e.event, atLine(line), strings.Join(names, ", ")))
		}
	}
	for c := range w.codes {
		for _, g := range gateways {
			if g.Name != c.gateway {
				continue
			}
			i := slices.IndexFunc(g.Subscriptions, func(s websockets.SubscriptionInfo) bool { return s.Event == c.event })
			if i >= 0 && !slices.ContainsFunc(g.Subscriptions[i].Errors, func(e *websockets.Error) bool { return e.Code == c.code }) {
				all = append(all, fmt.Sprintf("gateway %s: event %q (%s) has answered with the code %q, which is not declared: list the error with websockets.Errors",
					g.Name, c.event, g.Subscriptions[i].Place, c.code))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func atLine(line string) string {
	if line == "" {
		return ""
	}
	return " at " + line
}

// emits reports whether a gateway declares an event that it sends.
func emits(g websockets.GatewayInfo, event string) bool {
	named := func(e websockets.EventInfo) bool {
		name, _ := e.EventInfo()
		return name == event
	}
	return slices.ContainsFunc(g.Emits, named) || slices.ContainsFunc(g.Subscriptions, func(s websockets.SubscriptionInfo) bool {
		return slices.ContainsFunc(s.Sends, named)
	})
}
