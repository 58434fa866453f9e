// Package adminui speaks the wire protocol of @socket.io/admin-ui 0.5, so that its page shows the sockets, rooms and events of an
// application, on all of its nodes, and can disconnect sockets and change their rooms.
//
//	admin, err := adminui.New(adminui.Options{Username: "admin", PasswordHash: os.Getenv("ADMIN_HASH"), ReadOnly: true})
//	if err != nil {
//		return err
//	}
//	root := module.New("root", module.Imports(Module, admin.Module()))
//	app.Main(root, app.HTTP(":3000"), app.WebSockets(socketio.New()), app.Observe(admin.Hooks()))
//
// It is a module of its own. docs/adminui.md has what the page shows, the limits, and what differs from instrument() of npm's package.
package adminui

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Mode is how much a page sees.
type Mode int

const (
	// Production sends the page counters of each node and namespace only. It is the default.
	Production Mode = iota
	// Development also sends each socket with its handshake, its rooms, and its events with their payloads. Credentials in
	// headers and queries are left out, those in payloads are not.
	Development
)

// Options are those of [New].
type Options struct {
	// Username and PasswordHash are what the page asks for; both are required. The hash is one of bcrypt: $2a$, $2b$ or $2y$.
	Username, PasswordHash string
	// Namespace is where the page connects; default "/admin", which is also the page's default.
	Namespace string
	// Mode is how much a page sees; default [Production].
	Mode Mode
	// ReadOnly refuses the actions of the page: emit, join, leave and disconnect.
	ReadOnly bool
	// ServerID is the name of this node on the page, where each needs its own. Default: the name of the host, # and the process id.
	ServerID string
	// SessionTTL is for how long a page may reconnect without a password; default 24 hours.
	SessionTTL time.Duration
	// EventsPerSecond is how many messages of clients, received and sent, a page is sent in a second in mode [Development], of
	// all nodes together; default 200. The others are counted, and not shown.
	EventsPerSecond int
	// UI is the folder ui/dist of the npm package @socket.io/admin-ui, which is served at UIPath; default "/admin/". Nil serves
	// no page: use one from elsewhere.
	UI     fs.FS
	UIPath string
	// Gateway has further options of the gateway, such as [websockets.Via], [websockets.UseGuards] and, for a page of another
	// origin, [websockets.Origins], which hold for the whole Socket.IO server.
	Gateway []websockets.Option
}

// Defaults of [Options].
const (
	defaultTTL    = 24 * time.Hour
	defaultEvents = 200
)

// Admin serves the admin UI of one application. Its methods are safe for concurrent use.
type Admin struct {
	opts    Options
	clients *clients
	counts  counters
	feed    *feed
	used    atomic.Bool // by an application
}

// New returns an Admin for one application: each application in a process needs its own. The error is of the options.
func New(o Options) (*Admin, error) {
	if o.Username == "" {
		return nil, errors.New("adminui: New: Options.Username is empty: set the name with which the page logs in")
	}
	if _, err := bcrypt.Cost([]byte(o.PasswordHash)); err != nil {
		return nil, fmt.Errorf("adminui: New: Options.PasswordHash is no hash of bcrypt: make one with `htpasswd -nbBC 10 \"\" PASSWORD`: %w", err)
	}
	o.Namespace = cmp.Or(o.Namespace, "/admin")
	o.SessionTTL = cmp.Or(o.SessionTTL, defaultTTL)
	o.EventsPerSecond = cmp.Or(o.EventsPerSecond, defaultEvents)
	o.UIPath = "/" + strings.Trim(cmp.Or(o.UIPath, "/admin"), "/")
	a := &Admin{opts: o, clients: newClients()}
	a.feed = newFeed(a)
	return a, nil
}

// Module returns the module to import. Hooks must be passed to app.Observe, or the page stays empty.
func (a *Admin) Module() *module.Module {
	gateway := []websockets.Option{websockets.Namespace(a.opts.Namespace), websockets.Unobserved()}
	opts := []module.Option{module.Providers(websockets.Gateway(a.newGateway, append(gateway, a.opts.Gateway...)...))}
	if a.opts.UI != nil {
		opts = append(opts, module.Controllers(web.Controller(a.newPage, web.WithoutPrefix())))
	}
	return module.New("adminui", opts...)
}
