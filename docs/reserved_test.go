package docs_test

import (
	"context"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// named has a handler for each name.
type named struct{ events []string }

func (n *named) Subscriptions() (all []websockets.Subscription) {
	for _, event := range n.events {
		all = append(all, websockets.Listen(event, func(context.Context, int) error { return nil }))
	}
	return all
}

// The page lists the reserved names of events: a handler for one is a start error.
func TestReservedNames(t *testing.T) {
	page, err := os.ReadFile("gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "These names of events are reserved")
	_, rest, _ = strings.Cut(rest, "start error:")
	list, _, _ := strings.Cut(rest, ".\n")
	var n named
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(list, -1) {
		n.events = append(n.events, m[1])
	}
	if len(n.events) != 8 {
		t.Fatalf("the page lists %q", n.events)
	}
	m := module.New("named", module.Providers(websockets.Gateway(func() *named { return &n })))
	a, err := app.New(m, app.Mounted(), app.WebSockets(ws.New()), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	if err == nil {
		t.Fatal("no error")
	}
	if got := strings.Count(err.Error(), "the name is reserved"); got != len(n.events) {
		t.Errorf("%d names are reserved, want %d:\n%v", got, len(n.events), err)
	}
}
