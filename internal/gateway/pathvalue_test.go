package gateway

import (
	"reflect"
	"regexp"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// A path value that the pattern does not have is a start error with the gateway, the pattern and the names that it has.
func TestPathValueProblems(t *testing.T) {
	room, org := websockets.PathValue[int]("room"), websockets.PathValue[string]("org")
	for _, tt := range []struct {
		opts []websockets.Option
		want string
	}{
		{[]websockets.Option{websockets.Path("/rooms/{room}"), room}, ""},
		{[]websockets.Option{websockets.Path("/files/{org}/{room...}"), org, room}, ""},
		{[]websockets.Option{websockets.Path("/rooms/{roon}/{user}"), room}, `PathValue[int]("room"): Path("/rooms/{roon}/{user}") has no such name; it has: roon, user`},
		{[]websockets.Option{websockets.Path("/rooms/{$}"), room}, `PathValue[int]("room"): Path("/rooms/{$}") has no names; write one in braces, such as "/rooms/{room}"`},
		{[]websockets.Option{room}, `PathValue[int]("room"): Path("/") has no names; write one in braces, such as "/{room}"`},
		{[]websockets.Option{websockets.PathValue[int]("")}, `PathValue[int](""): the name is empty; pass the one in braces, such as "room" of "/rooms/{room}"`},
		{[]websockets.Option{websockets.Path("/rooms/{room}"), websockets.PathValue[chan int]("room")}, `PathValue[chan int]("room"): text does not convert to chan int; use a string, a bool, a number, a time.Duration, or a type with UnmarshalText`},
		{[]websockets.Option{websockets.Via(spaced(), websockets.Namespace("/orgs/{org}"), org)}, ""},
		{[]websockets.Option{websockets.Via(spaced(), websockets.NamespaceRegexp(regexp.MustCompile(`/(?P<org>\w+)/(\d+)`)), org)}, ""},
		{[]websockets.Option{websockets.Via(spaced(), websockets.Namespace("/orgs/{org}")), room}, `PathValue[int]("room"): Namespace("/orgs/{org}") has no such name; it has: org`},
		{[]websockets.Option{websockets.Via(spaced()), org}, `PathValue[string]("org"): Namespace("/") has no names; write one in braces, such as "/{org}"`},
		{[]websockets.Option{websockets.Via(spaced(), websockets.NamespaceFunc("tenants", anyNamespace), org)}, `PathValue[string]("org"): NamespaceFunc("tenants") has no names; use a Namespace with one in braces, such as "/orgs/{org}", or a named group in NamespaceRegexp`},
		{[]websockets.Option{websockets.Via(spaced(), websockets.NamespaceRegexp(regexp.MustCompile(`/\w+`)), org)}, `PathValue[string]("org"): NamespaceRegexp(/\w+) has no names; use a Namespace with one in braces, such as "/orgs/{org}", or a named group in NamespaceRegexp`},
	} {
		want := tt.want
		if want != "" {
			want = "websockets: gateway A: " + want
		}
		g := gatewayPlan{name: "A", typ: reflect.TypeFor[*talker](), value: &talker{[]string{"x"}}, opts: options(tt.opts...)}
		_, err := makePlan([]gatewayPlan{g}, Config{HTTP: true, Adapter: plain()})
		if got := text(err); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
