package apptest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFakeJoin: a fake client joins what one of an application does, with the same errors.
func TestFakeJoin(t *testing.T) {
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for name, c := range map[string]struct {
		limit int // 0: the default
		joins [][]string
	}{
		"the limit":          {2, [][]string{{"b"}, {"b", "a"}, {"c"}, {"a"}}},
		"partly":             {2, [][]string{{"b", "a", "c", "d"}}},
		"a long name":        {0, [][]string{{"b", strings.Repeat("x", 1025), "a"}, {strings.Repeat("x", 1024)}}},
		"before the limit":   {1, [][]string{{"a"}, {strings.Repeat("x", 1025)}}},
		"the default":        {0, [][]string{many, {"more"}}},
		"the default, twice": {0, [][]string{many[:1000], many}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := apptest.NewFakeClient("fake")
			fake.MaxRooms = c.limit
			var opts []websockets.Option
			if c.limit != 0 {
				opts = append(opts, websockets.MaxRooms(c.limit))
			}
			served := clientOf(t, opts...)
			for i, rooms := range c.joins {
				want, got := served.Join(rooms...), fake.Join(rooms...)
				if !errors.Is(got, want) {
					t.Errorf("Join %d: %v, want %v", i+1, got, want)
				}
			}
			if got, want := fake.Rooms(), served.Rooms(); !slices.Equal(got, want) {
				t.Errorf("rooms %q, want %q", got, want)
			}
		})
	}
}

// clientOf returns a client of an application with the options at its gateway.
func clientOf(t *testing.T, opts ...websockets.Option) websockets.Client {
	t.Helper()
	g := newNamelessGateway()
	a := apptest.New(t, module.New("rooms", module.Providers(websockets.Gateway(func() *namelessGateway { return g }, opts...))),
		apptest.With(app.WebSockets(ws.New())))
	a.DialWS("/").CallError("unknown")
	for c := range g.Server.Local().Clients() {
		return c
	}
	t.Fatal("no client")
	return nil
}
