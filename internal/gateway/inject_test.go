package gateway

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
)

type base struct {
	Server *websockets.Server `websockets:"server"`
}

// Base is embedded: only exported fields can be set.
type Base struct {
	Server *websockets.Server `websockets:"server"`
}

func TestInject(t *testing.T) {
	type embedded struct{ Base }
	type byPointer struct{ *Base }
	type native struct {
		Server *strings.Builder `websockets:"server"`
	}
	srv := websockets.NewServer(framework, &server{})
	ok := func(v any) {
		t.Helper()
		if err := inject(&boundGateway{gatewayPlan: gatewayPlan{name: "g", value: v}, server: &server{}, users: srv}); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
	fails := func(v any, want string) {
		t.Helper()
		if err := inject(&boundGateway{gatewayPlan: gatewayPlan{name: "g", value: v}, server: &server{}, users: srv}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v, want %q", v, err, want)
		}
	}
	direct, inner := &base{}, &embedded{}
	ok(direct)
	ok(inner)
	if direct.Server != srv || inner.Server != srv {
		t.Errorf("not set: %v, %v", direct.Server, inner.Server)
	}
	set := &byPointer{&Base{}}
	ok(set)
	if set.Server != srv {
		t.Error("not set through a pointer")
	}
	ok(mute{})
	fails(&byPointer{}, "field gateway.byPointer.Server cannot be set, because an embedded pointer that leads to it is nil or not exported")
	fails(&native{}, "no platform of the gateway has a *strings.Builder for the field gateway.native.Server")
}

func TestServerFieldProblems(t *testing.T) {
	type hidden struct {
		server *websockets.Server `websockets:"server"`
	}
	type typo struct {
		Server *websockets.Server `websockets:"sever"`
	}
	type untagged struct{ server *websockets.Server }
	type value struct {
		Server websockets.Server `websockets:"server"`
	}
	type skipped struct {
		Server *websockets.Server `websockets:"-"`
	}
	type tagged struct{ Base }
	type others struct{ *Base } // the field of another value
	for _, c := range []struct {
		v    any
		want string
	}{
		{&tagged{}, ""},
		{&skipped{}, ""},
		{&others{}, ""},
		{&initialized{}, ""},
		{1, ""},
		{&hidden{server: nil}, "has the field gateway.hidden.server, which is not exported, so that it cannot be set; start its name with a capital letter"},
		{&typo{}, "has the field gateway.typo.Server with the tag `websockets:\"sever\"`; write `websockets:\"server\"`, or `websockets:\"-\"` for a field that the framework does not set"},
		{&untagged{server: nil}, "has the field gateway.untagged.server without a tag, so that it stays nil; write Server *websockets.Server `websockets:\"server\"`, or set it in AfterInit"},
		{&value{}, "has the field gateway.value.Server of type websockets.Server; write Server *websockets.Server `websockets:\"server\"`"},
		{tagged{}, "returns gateway.tagged by value, so that its field gateway.tagged.Server cannot be set; return *gateway.tagged from the constructor"},
	} {
		if got := strings.Join(serverFieldProblems(reflect.TypeOf(c.v)), "\n"); got != c.want {
			t.Errorf("%T:\ngot  %s\nwant %s", c.v, got, c.want)
		}
	}
}

// initialized sets its field itself.
type initialized struct{ server *websockets.Server }

func (g *initialized) AfterInit(_ context.Context, s *websockets.Server) error {
	g.server = s
	return nil
}
