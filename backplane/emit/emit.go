// Package emit sends events to the clients of an application from programs that are none of its
// nodes, such as jobs and scripts.
//
//	e, err := emit.Connect(ctx, redis.Native(redis.URL(os.Getenv("REDIS_URL"))), emit.SocketIO("/"))
//	if err != nil {
//		return err
//	}
//	defer e.Close()
//	err = posted.Emit(ctx, e.To("tea"), post)
//
// What it sends has no numbers: nodes do not count what they miss of it.
package emit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// ErrNoAnswers means that an emitter was asked for answers. It only sends; ask from a node.
var ErrNoAnswers = errors.New("emit: an emitter receives no answers: Call, Fetch and Count are for nodes of the application")

// sendTime bounds a call whose context has no deadline, and Close.
const sendTime = 2 * time.Second

// Endpoint is where gateways of the application are, see [SocketIO] and [WS].
type Endpoint struct{ e backplane.Endpoint }

// SocketIO is the endpoint of gateways of Socket.IO in a namespace, as its option Namespace says it:
// also a pattern such as "/orgs/{org}", of which Of selects one. Default for the path of the server: that
// of the platform.
func SocketIO(namespace string) Endpoint { return SocketIOAt("/socket.io/", namespace) }

// SocketIOAt is SocketIO of a server with another path, as the option Path says it.
func SocketIOAt(path, namespace string) Endpoint {
	namespace = slash(namespace)
	only := namespace
	if strings.ContainsAny(namespace, "{}") {
		only = ""
	}
	return endpoint("socketio", slash(path), namespace, only)
}

// WS is the endpoint of gateways of plain WebSocket, by their option Path.
func WS(path string) Endpoint { return endpoint("ws", slash(path), "", "") }

func slash(s string) string { return "/" + strings.TrimPrefix(s, "/") }

func endpoint(platform, path, namespace, only string) Endpoint {
	key := cluster.KeyOf(cluster.Identity(platform, path, namespace, ""))
	return Endpoint{backplane.Endpoint{Key: key, Platform: platform, Path: path, Namespace: only}}
}

// Emitter sends to the clients of an application. Its methods are those of the Server of a gateway: Emit,
// To, Join, Disconnect and the others. They return when the service has the message, after 2 s at most
// unless the context has another deadline; the error of Call, Fetch and Count is [ErrNoAnswers]. Interceptors
// of emits run on nodes only, so they do not see it. All methods are safe for concurrent use.
type Emitter struct {
	*websockets.Server

	engine backplane.Backplane
	keys   []uint32

	sending sync.Mutex
}

// Connect connects an engine that no application uses. Without endpoints, it sends to those of
// all gateways. The error is that of the engine, when ctx ends before it is connected.
func Connect(ctx context.Context, engine backplane.Backplane, endpoints ...Endpoint) (*Emitter, error) {
	e := &Emitter{engine: engine}
	var all []backplane.Endpoint
	for _, x := range endpoints {
		all, e.keys = append(all, x.e), append(e.keys, x.e.Key)
	}
	e.Server = websockets.NewServer(seal.Framework{}, hub{e})
	if u, uses := engine.(backplane.EndpointsUser); uses {
		u.SetEndpoints(all)
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	if err := engine.Start(ctx, backplane.Node{ID: hex.EncodeToString(id[:]), Name: backplane.Emitter, Started: time.Now()}, deaf{}); err != nil {
		return nil, errors.Join(fmt.Errorf("emit: %s: %w", engine.Name(), err), e.Close())
	}
	return e, nil
}

// Close disconnects, within 2 s.
func (e *Emitter) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), sendTime)
	defer cancel()
	return e.engine.Stop(ctx)
}

// send sends a message.
func (e *Emitter) send(ctx context.Context, m *backplane.Message) error {
	if err := (envelope.Limits{}).Check(m); err != nil {
		return fmt.Errorf("emit: %s: %w", m.Kind, err)
	}
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, sendTime)
		defer cancel()
	}
	m.Origin, m.Channel = backplane.Emitter, backplane.ChannelEvents
	e.sending.Lock() // an engine is called by one goroutine
	defer e.sending.Unlock()
	if err := e.engine.Send(ctx, []*backplane.Message{m}); err != nil {
		return fmt.Errorf("emit: %s: %w", m.Kind, err)
	}
	return nil
}

// deaf receives nothing: an emitter has no Interest.
type deaf struct{}

func (deaf) ReceiveFrame(string, []byte) bool { return true }
func (deaf) Receive([]*backplane.Message) int { return 0 }
func (deaf) NoNode(*backplane.Message)        {}
func (deaf) Link(up, lost bool, err error)    {}
