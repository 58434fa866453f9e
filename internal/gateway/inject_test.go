package gateway

import (
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
	type hidden struct {
		server *websockets.Server `websockets:"server"`
	}
	type byPointer struct{ *Base }
	type typo struct {
		Server *websockets.Server `websockets:"sever"`
	}
	type native struct {
		Server *strings.Builder `websockets:"server"`
	}
	srv := websockets.NewServer(framework, &server{})
	ok := func(v any) {
		t.Helper()
		if err := inject(&boundGateway{Name: "g", value: v, server: &server{}, users: srv}); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
	fails := func(v any, want string) {
		t.Helper()
		if err := inject(&boundGateway{Name: "g", value: v, server: &server{}, users: srv}); err == nil || !strings.Contains(err.Error(), want) {
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
	fails(&hidden{server: nil}, "field gateway.hidden.server is not exported, so its server cannot be set")
	fails(&typo{}, "field gateway.typo.Server has the tag `websockets:\"sever\"`; the only one is")
	fails(&native{}, "no platform of the gateway has a *strings.Builder for the field gateway.native.Server")
}
