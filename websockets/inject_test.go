package websockets

import (
	"strings"
	"testing"
)

type base struct {
	Server Server `websockets:"server"`
}

// Base is embedded: only exported fields can be set.
type Base struct {
	Server Server `websockets:"server"`
}

func TestInject(t *testing.T) {
	type embedded struct{ Base }
	type hidden struct {
		server Server `websockets:"server"`
	}
	type byPointer struct{ *Base }
	type typo struct {
		Server Server `websockets:"sever"`
	}
	type native struct {
		Server *strings.Builder `websockets:"server"`
	}
	srv := &server{}
	ok := func(v any) {
		t.Helper()
		if err := inject(&boundGateway{Name: "g", value: v, server: srv}); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
	fails := func(v any, want string) {
		t.Helper()
		if err := inject(&boundGateway{Name: "g", value: v, server: srv}); err == nil || !strings.Contains(err.Error(), want) {
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
	fails(&byPointer{}, "field websockets.byPointer.Server cannot be set, because an embedded pointer on the way to it is nil or not exported")
	fails(&hidden{server: nil}, "field websockets.hidden.server is not exported, so its server cannot be set")
	fails(&typo{}, "field websockets.typo.Server has the tag `websockets:\"sever\"`; the only one known is")
	fails(&native{}, "no platform of the gateway gives a *strings.Builder for the field websockets.native.Server")
}
