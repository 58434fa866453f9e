package adaptertest

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var observeTests = []test{
	{"OnAny sees every message before its handler", testOnAny},
	{"NamespaceFunc serves the namespaces that it accepts", testNamespaceFunc},
}

func testOnAny(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	g := newGateway(echo(),
		websockets.OnAny(func(_ context.Context, event string, p websockets.Payload) {
			tr.Add(event + " " + string(p.JSON))
			if event == "panic" {
				crash()
			}
		}),
		websockets.On("panic", func(_ context.Context, n int) (int, error) {
			tr.Add("handled")
			return n, nil
		}))
	_, c := s.solo(t, g)
	c.Emit("unknown", 1)
	wantAnswer(t, c, 2, "panic", 2)
	alive(t, c)
	tr.Want(t, "unknown 1", "panic 2", "handled", `echo "still here"`)
}

func testNamespaceFunc(t *testing.T, s *suite) {
	g := newGateway(echo(), websockets.On("where", func(ctx context.Context, _ any) (string, error) {
		return websockets.ClientFrom(ctx).Namespace(), nil
	})).emits(news)
	g.with(websockets.NamespaceFunc("tenants", func(ns string) bool {
		if ns == "/broken" {
			crash()
		}
		return strings.HasPrefix(ns, "/tenant-")
	}))
	if !s.traits.Namespaces {
		has(t, s.boot(t, modules(g), app.HTTP("127.0.0.1:0")).Error(), "no namespaces", "Path")
		return
	}
	a := s.start(t, g)
	ada, bob := s.dialAt(t, a, "/tenant-ada"), s.dialAt(t, a, "/tenant-bob")
	for want, c := range map[string]*apptest.Client{"/tenant-ada": ada, "/tenant-bob": bob} {
		wantAnswer(t, c, want, "where")
	}
	s.rejected(t, a, "/other")
	s.rejected(t, a, "/broken")
	if err := g.Server.Of("tenant-ada").Emit(t.Context(), "news", 1); err != nil {
		t.Fatal(err)
	}
	ada.ExpectMessage("news")
	bob.ExpectNone("news", func() { alive(t, bob) })
}
