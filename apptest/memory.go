package apptest

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"sync"
)

// InMemory has [New] and [NewCluster] serve connections in memory, without any socket. The application
// then works in a bubble of testing/synctest, in which hours of heartbeats, timeouts and recovery windows
// take milliseconds, and nothing depends on the speed of the machine:
//
//	synctest.Test(t, func(t *testing.T) {
//		a := apptest.New(t, chat.Module, apptest.InMemory(), apptest.With(app.WebSockets(ws.New())))
//		c := a.DialWS("/", apptest.WithoutPong(), apptest.WithTimeout(time.Hour))
//		c.ExpectClose() // after 45 s of the bubble
//	})
//
// URL then returns an address that only the clients of this package and [App.HTTPClient] connect to.
// Timeouts of clients are of the bubble's time too: see [WithTimeout]. What the test itself waits
// for outside of the bubble, such as a database, does not work in it. A gateway with a port of its own
// fails the test.
func InMemory() Option { return Option{memory: true} }

// memoryListener accepts connections in memory.
type memoryListener struct {
	addr  *net.TCPAddr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// memories are the listeners by address.
var memories = struct {
	mu        sync.Mutex
	listeners map[string]*memoryListener
	last      uint32
}{listeners: map[string]*memoryListener{}}

// newMemoryListener returns a listener with an address of its own, in the block that never has hosts
// (RFC 6666).
func newMemoryListener() *memoryListener {
	memories.mu.Lock()
	defer memories.mu.Unlock()
	memories.last++
	ip := net.IP{0: 1, 15: 0}
	binary.BigEndian.PutUint32(ip[12:], memories.last)
	l := &memoryListener{addr: &net.TCPAddr{IP: ip, Port: 80}, conns: make(chan net.Conn), done: make(chan struct{})}
	memories.listeners[l.addr.String()] = l
	return l
}

// dialNetwork connects to a listener in memory, or by TCP.
func dialNetwork(ctx context.Context, network, addr string) (net.Conn, error) {
	memories.mu.Lock()
	l := memories.listeners[addr]
	memories.last++
	port := 1024 + int(memories.last%60_000)
	memories.mu.Unlock()
	if l == nil {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	client, server := newMemoryConns(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, l.addr)
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: l.addr, Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: l.addr, Err: context.Cause(ctx)}
	}
}

// Accept implements [net.Listener].
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "memory", Addr: l.addr, Err: net.ErrClosed}
	}
}

// Close implements [net.Listener]. It does not close connections.
func (l *memoryListener) Close() error {
	l.once.Do(func() {
		memories.mu.Lock()
		delete(memories.listeners, l.addr.String())
		memories.mu.Unlock()
		close(l.done)
	})
	return nil
}

// Addr implements [net.Listener].
func (l *memoryListener) Addr() net.Addr { return l.addr }

// HTTPClient returns a client for requests to [App.URL], which works with [InMemory] too, and with app.TLS
// accepts any certificate. It opens a connection for each request.
//
//	res, err := a.HTTPClient().Get(a.URL() + "/rooms")
func (*App) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialNetwork, TLSClientConfig: trusting()}}
}
