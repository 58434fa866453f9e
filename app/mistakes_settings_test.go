package app_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// settings are values of options that are compared later, and that nothing can match. app.Validate finds them.
func settings() []mistake {
	onSocketIO := with(app.WebSockets(socketio.New()))
	chat := func(name string, opts []app.Option, want string, options ...websockets.Option) mistake {
		return mistake{name, provide(websockets.Gateway(newChat, options...)), opts, "websockets: gateway app_test.newChat (app/mistakes_test.go): " + want}
	}
	controllers := func(name, want string, o web.Option) mistake {
		return mistake{name, provide(), with(app.HTTP(":0", o)), "app: options of controllers (app/mistakes_settings_test.go): " + want}
	}
	return []mistake{
		chat("origin with a blank", nil, `Origins: origin " https://app.example" has blanks around it: write "https://app.example"`,
			websockets.Origins(" https://app.example")),
		chat("origin in another script", nil, `Origins: origin "https://bücher.example" has letters that browsers send in ASCII: write "https://xn--bcher-kva.example"`,
			websockets.Origins("https://bücher.example")),
		chat("origin with a path", nil, `Origins: origin "https://app.example/chat" must be scheme and host: write "https://app.example"`,
			websockets.Origins("https://app.example/chat")),
		chat("origin of the connection", nil, `Origins: origin "wss://app.example" has the scheme of the connection, and browsers send that of the page: write "https://app.example"`,
			websockets.Origins("wss://app.example")),
		chat("origin with a wildcard for the port", nil, `Origins: origin "http://localhost:*" has a wildcard elsewhere than in "https://*.example.com": list the origins, or use websockets.CheckOrigin`,
			websockets.Origins("http://localhost:*")),
		chat("origin null", nil, `Origins: origin "null" is that of files and of every sandboxed page: to allow it, use websockets.CheckOrigin`,
			websockets.Origins("null")),
		chat("path with a query", nil, `Path("/chat?v=1"): a path has no query or fragment: write "/chat"`,
			websockets.Path("/chat?v=1")),
		chat("path with a host", nil, `Path("ws://localhost:3000/chat"): must be a path, without scheme and host: write "/chat"`,
			websockets.Path("ws://localhost:3000/chat")),
		chat("path that is escaped", onSocketIO, `Path("/a%20b"): paths are compared decoded: write "/a b"`,
			websockets.Path("/a%20b")),
		chat("path with two slashes", onSocketIO, `Path("/chat//io"): no request has this path: write "/chat/io"`,
			websockets.Path("/chat//io")),
		chat("namespace with a query", onSocketIO, `Namespace("chat?v=1"): clients do not send what follows '?': write "chat"`,
			websockets.Namespace("chat?v=1")),
		chat("namespace with a comma", onSocketIO, `Namespace("a,b"): no packet can name a namespace with a comma: remove it`,
			websockets.Namespace("a,b")),
		chat("namespaces without a slash", onSocketIO, "NamespaceRegexp(room-[0-9]+) matches no namespace, because all start with a slash; write regexp.MustCompile(`/room-[0-9]+`)",
			websockets.NamespaceRegexp(regexp.MustCompile("room-[0-9]+"))),
		chat("subprotocols in one text", nil, `ws: Options.Subprotocols: "v1, v2" is not a token of RFC 9110: use letters, digits, and any of !#$%&'*+-.^_`+"`|~",
			ws.Options{Subprotocols: []string{"v1, v2"}}),
		chat("headers in one text", onSocketIO, `socketio: Options.CORS.AllowedHeaders: "X-A, X-B" is not the name of a header: list each name on its own`,
			socketio.Options{CORS: socketio.CORS{AllowedHeaders: []string{"X-A, X-B"}}}),
		chat("cookie that browsers drop", onSocketIO, "socketio: Options.Cookie: browsers drop a cookie with SameSite=None that is not Secure: set Secure",
			socketio.Options{Cookie: &http.Cookie{SameSite: http.SameSiteNoneMode}}),
		controllers("origin of CORS", `CORS: AllowedOrigins: origin "app.example" must be scheme and host, such as "https://app.example.com"`,
			web.CORS(cors.Options{AllowedOrigins: []string{"app.example"}})),
		controllers("method of CORS", `CORS: AllowedMethods: "GET, POST" is not a method: list each on its own, such as "GET"`,
			web.CORS(cors.Options{AllowedMethods: []string{"GET, POST"}})),
		controllers("prefix with a query", `Prefix("/api?v=1"): must be a path such as "/rooms"`, web.Prefix("/api?v=1")),
		{
			"proxy with a name", provide(), with(app.TrustedProxies("proxy.internal")),
			`app: TrustedProxies (app/mistakes_settings_test.go): "proxy.internal" is neither an address nor a prefix: use the form "10.0.0.0/8" or "192.0.2.7"`,
		},
	}
}

// unmatchedNames are settings that the start finds, in what Subscriptions and Routes return.
func unmatchedNames() []mistake {
	type byHost struct {
		Host string `header:"Host"`
	}
	type byNames struct {
		Names string `header:"X-A:X-B"`
	}
	long := strings.Repeat("e", 257)
	host := func(context.Context, byHost) (int, error) { return 0, nil }
	names := func(context.Context, byNames) (int, error) { return 0, nil }
	return []mistake{
		{
			"event with a long name", provide(gatewayOf(websockets.Listen(long, listen))), nil,
			`websockets: gateway app_test.gatewayOf.func1 (app/mistakes_test.go): subscription "` + long + `" (app/mistakes_settings_test.go): the name has 257 bytes, and messages may name events with 256; choose a shorter one`,
		},
		{
			"event that is not UTF-8", provide(gatewayOf(websockets.Listen("\xff", listen))), nil,
			`websockets: gateway app_test.gatewayOf.func1 (app/mistakes_test.go): subscription "\xff" (app/mistakes_settings_test.go): the name is not UTF-8, which no message has; choose another`,
		},
		{
			"pattern with a query", serve(controllerOf(func(r chi.Router) { r.Get("/search?q={q}", http.NotFound) })), nil,
			`web: controller app_test.controllerOf.func1 (app/mistakes_test.go): GET /search?q={q}: a pattern is compared with the path, which has no query or fragment: remove what follows the path`,
		},
		{
			"header that net/http removes", serve(controllerOf(func(r chi.Router) { r.Get("/", web.JSON(host)) })), nil,
			`web: controller app_test.controllerOf.func1 (app/mistakes_test.go): GET /: JSON: app_test.byHost: the field Host: the tag header:"Host" is always empty, because net/http keeps it elsewhere in the request: use web.Handle instead of web.JSON`,
		},
		{
			"tag that is no header", serve(controllerOf(func(r chi.Router) { r.Get("/", web.JSON(names)) })), nil,
			`web: controller app_test.controllerOf.func1 (app/mistakes_test.go): GET /: JSON: app_test.byNames: the field Names: the tag header:"X-A:X-B" is not the name of a header`,
		},
	}
}
