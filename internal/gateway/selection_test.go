package gateway

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// wrapped is a client in a struct of an application.
type wrapped struct{ websockets.Client }

// TestField_X56_WrappedClient: Except of a Client in a struct of the application excludes that client; before, it excluded no client.
func TestField_X56_WrappedClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		a, b := k.dial(), k.dial()
		emitTo(t, d.Server.Except(wrapped{a.client()}), "others")
		a.want(t)
		b.want(t, "others 1")
	})
}

// TestField_X60_NoRooms: A selection of no room, as by To of an empty list, selects no client; before, it selected every client. The server itself selects every client.
func TestField_X60_NoRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		a := k.dial()
		for name, s := range map[string]websockets.Selection{
			"To()":           d.Server.To(),
			"To(nil...)":     d.Server.To([]string(nil)...),
			"ToID()":         d.Server.ToID(),
			"To().Except()":  d.Server.To().Except(),
			"Of.To()":        d.Server.Of("/").To(),
			"Local().To()":   d.Server.To().ExceptRooms("x"),
			"To().ToID(...)": d.Server.To().ToID([]string{}...),
		} {
			emitTo(t, s, "strangers")
			if n, err := s.Count(t.Context()); n != 0 || err != nil || s.Local().Len() != 0 {
				t.Errorf("%s selects %d clients, %v", name, n, err)
			}
		}
		a.want(t)
		emitTo(t, d.Server, "all")
		a.want(t, "all 1")
	})
}

// Rooms and ids add up, exceptions are taken away at the end.
func TestSelections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		ids, names := map[string]string{}, map[string]string{}
		for name, rooms := range map[string][]string{"a": {"1", "odd"}, "b": {"2"}, "c": {"3", "odd"}} {
			p := k.dial()
			if err := p.client().Join(rooms...); err != nil {
				t.Fatal(err)
			}
			ids[name], names[p.id] = p.id, name
		}
		s := d.Server
		for want, sel := range map[string]websockets.Selection{
			"abc": s.All(),
			"a":   s.ToID(ids["a"]),
			"ab":  s.To("1").ToID(ids["b"]),
			"ac":  s.To("odd").ToID(ids["a"], "unknown"),
			"c":   s.To("odd").ToID(ids["a"]).ExceptID(ids["a"]),
			"b":   s.To("1", "2", "3").ExceptRooms("odd"),
			"bc":  s.To("1").To("2").ToID(ids["c"]).ExceptID("unknown", ids["a"]),
			"":    s.ToID("unknown"),
		} {
			got, err := sel.Fetch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var found strings.Builder
			for _, name := range []string{"a", "b", "c"} {
				for _, r := range got.Clients {
					if names[r.ID] == name {
						found.WriteString(name)
					}
				}
			}
			if found.String() != want || sel.Local().Len() != len(want) {
				t.Errorf("selected %q, want %q", found.String(), want)
			}
		}
	})
}

func TestSelectionOfOneRoomAllocatesNothing(t *testing.T) {
	s := websockets.NewServer(framework, &server{rt: &Runtime{}})
	n := testing.AllocsPerRun(100, func() {
		if s.To("room").Local().Len() != 0 {
			t.Error("it has clients")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
