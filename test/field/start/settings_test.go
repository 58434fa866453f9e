package start_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X23_Settings: Text of options that no request, browser or client can match, such as an origin with a blank or in another
// script, a path with a query, a namespace with a comma, two subprotocols in one text and a cookie that browsers drop, was accepted and
// never matched; app.Validate reports all of it in one list, each with its place and with what to write.
func TestField_X23_Settings(t *testing.T) {
	root := module.New("shop", module.Providers(
		websockets.Gateway(newListener, websockets.Origins(" https://a.example", "https://bücher.example", "wss://a.example", "https://a.example/chat", "null")),
		websockets.Gateway(newListener, websockets.Path("/chat?v=1")),
		websockets.Gateway(newListener, websockets.Path("/sub"), ws.Options{Subprotocols: []string{"v1, v2"}}),
		websockets.Gateway(newListener, websockets.Via(socketio.New(), websockets.Namespace("a,b"))),
		websockets.Gateway(newListener, websockets.Via(socketio.New(), websockets.NamespaceRegexp(regexp.MustCompile("room-.*")))),
		websockets.Gateway(newListener, websockets.Via(socketio.New(socketio.Options{Cookie: &http.Cookie{SameSite: http.SameSiteNoneMode}}), websockets.Path("/io"))),
	))
	err := app.Validate(root, app.WebSockets(ws.New()), app.TrustedProxies("localhost"),
		app.HTTP(":0", web.CORS(cors.Options{AllowedOrigins: []string{"a.example"}}), web.Prefix("/api#top")))
	wiring, ok := errors.AsType[*module.Error](err)
	if !ok {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{
		`Origins: origin " https://a.example" has blanks around it: write "https://a.example"`,
		`Origins: origin "https://bücher.example" has letters that browsers send in ASCII: write "https://xn--bcher-kva.example"`,
		`Origins: origin "wss://a.example" has the scheme of the connection, and browsers send that of the page: write "https://a.example"`,
		`Origins: origin "https://a.example/chat" must be scheme and host: write "https://a.example"`,
		`Origins: origin "null" is that of files and of every sandboxed page`,
		`Path("/chat?v=1"): a path has no query or fragment: write "/chat"`,
		`Options.Subprotocols: "v1, v2" is not a token`,
		`Namespace("a,b"): no packet can name a namespace with a comma`,
		"NamespaceRegexp(room-.*) matches no namespace",
		"Options.Cookie: browsers drop a cookie with SameSite=None that is not Secure",
		`TrustedProxies (field/start/settings_test.go:`,
		`CORS: AllowedOrigins: origin "a.example" must be scheme and host`,
		`Prefix("/api#top"): must be a path`,
	} {
		found := 0
		for _, p := range wiring.Problems {
			if strings.Contains(p.Message, want) {
				found++
				if p.Place == "" || !strings.Contains(p.Message, "settings_test.go:") {
					t.Errorf("without a place: %+v", p)
				}
			}
		}
		if found != 1 {
			t.Errorf("%d times: %s\nin\n%v", found, want, err)
		}
	}
}

// listener is a gateway without a mistake.
type listener struct {
	Server *websockets.Server `websockets:"server"`
}

func newListener() *listener { return &listener{} }

func (*listener) Subscriptions() []websockets.Subscription { return nil }
