package inspect

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Options are those of [Module]. The zero value is fit for the machine of a developer.
type Options struct {
	// Path is where the page is; default "/inspect". The prefix of the application's controllers is not added.
	Path string
	// Hosts are names under which the page may be opened, beside localhost, 127.0.0.1 and [::1]: "dev.example.com", or with a port
	// "dev.example.com:8080". Others are refused, so that no page of another name which resolves to this machine reaches it.
	Hosts []string
	// Guard checks every request of the page and its WebSocket, after the token. With a guard the application may listen on
	// addresses that other machines reach, and requests may come from them and through proxies. Nil is none.
	Guard pipeline.Guard
	// Pprof is the URL or path of the application's profiles, to which the page links, such as "/debug/pprof/"; empty for none.
	// The inspector serves none itself.
	Pprof string
}

// Module returns the module that serves the inspector, for module.Imports. The application needs an HTTP server. Its start fails
// with an error if it listens on an address that other machines reach and [Options.Guard] is nil.
func Module(o Options) *module.Module {
	o.Path = "/" + strings.Trim(cmp.Or(o.Path, "/inspect"), "/")
	routes := []web.Option{
		web.WithoutPrefix(), web.Prefix(o.Path), web.BodyLimit(maxBody), web.Meta(pipeline.Hidden()), web.UseGuards(pipeline.Injected[*guard]()),
	}
	live := []websockets.Option{
		websockets.Via(ws.New(), websockets.Path(o.Path+"/live")), websockets.Unobserved(), websockets.Meta(pipeline.Hidden()),
		websockets.CheckOrigin(func(*http.Request) bool { return true }), // the guard checks it, more strictly
		websockets.UseGuards(pipeline.Injected[*guard]()), websockets.Emits(eventMessages),
		websockets.WithLimits(websockets.Limits{MaxMessage: maxBody}),
	}
	if o.Guard != nil {
		routes = append(routes, web.UseGuards(o.Guard))
		live = append(live, websockets.UseGuards(o.Guard))
	}
	return module.New("inspect",
		module.Providers(module.Value(o), newInspector, newGuard, newHooks, websockets.Gateway(newLive, live...)),
		module.Controllers(web.Controller(newController, routes...)),
	)
}

// maxBody is how large a request to the inspector may be, in bytes.
const maxBody = 256 << 10
