package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"unsafe"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// session is a client that is connected: when one of its connections fails, all end, so that the
// node is subscribed again before it publishes.
type session struct {
	e        *Engine
	ctx      context.Context // ends when the session does; its cause is why
	end      context.CancelCauseFunc
	client   rueidis.Client
	sub      rueidis.DedicatedClient
	pub      publisher
	log      *logSession  // nil unless the engine has a log
	received <-chan error // closed when no message is received any more
	release  []func()
}

// publisher is a connection that keeps the order.
type publisher interface {
	B() rueidis.Builder
	DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult
}

// dial connects, and subscribes to nothing yet.
func (e *Engine) dial() (*session, error) {
	s := &session{e: e}
	s.ctx, s.end = context.WithCancelCause(e.loop.Context())
	o := e.opts.client
	if o.ClientName == "" {
		o.ClientName = e.name
	}
	o.DialCtxFn, o.DialFn = s.dialer(o), nil
	client, err := rueidis.NewClient(o)
	if err != nil {
		s.end(err)
		if client != nil {
			client.Close()
		}
		return nil, s.describe(err)
	}
	s.client, s.pub = client, client
	var release func()
	if e.opts.cluster {
		// The client of a cluster sends to any of its nodes.
		s.pub, release = client.Dedicate()
		s.release = append(s.release, release)
	}
	s.sub, release = client.Dedicate()
	s.release = append(s.release, release)
	s.received = s.sub.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: s.receive})
	ctx, cancel := context.WithTimeout(s.ctx, s.e.opts.client.ConnWriteTimeout)
	defer cancel()
	if err := s.sub.Do(ctx, s.sub.B().Ping().Build()).NonRedisError(); err != nil {
		return nil, s.unopened(err)
	}
	if e.log != nil {
		if err := s.openLog(ctx); err != nil {
			return nil, s.unopened(err)
		}
	}
	return s, nil
}

// unopened closes a session that could not start, and returns why.
func (s *session) unopened(err error) error {
	s.end(err)
	err = s.describe(err)
	s.close()
	return err
}

// dialer returns a function that connects, and has the connection closed when the session ends:
// whatever waits for Redis on it returns then.
func (s *session) dialer(o rueidis.ClientOption) func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
	dial := o.DialCtxFn
	switch old := o.DialFn; {
	case dial != nil:
	case old != nil:
		dial = func(_ context.Context, address string, d *net.Dialer, c *tls.Config) (net.Conn, error) {
			return old(address, d, c)
		}
	default:
		dial = dialAddress
	}
	return func(ctx context.Context, address string, d *net.Dialer, c *tls.Config) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.Timeout, timeout)) // that of a sentinel is 0
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		conn, err := dial(ctx, address, d, c)
		if err != nil {
			return nil, err
		}
		raw := conn
		if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
			raw = t.NetConn() // the Close of a TLS connection waits until its alert is sent
		}
		context.AfterFunc(s.ctx, func() { _ = raw.Close() })
		return &guard{Conn: conn}, nil
	}
}

func dialAddress(ctx context.Context, address string, d *net.Dialer, c *tls.Config) (net.Conn, error) {
	network := "tcp"
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	if c == nil {
		return d.DialContext(ctx, network, address)
	}
	return (&tls.Dialer{NetDialer: d, Config: c}).DialContext(ctx, network, address)
}

// describe returns why the session has ended, or err while it has not, with the address.
func (s *session) describe(err error) error {
	if s.e.loop.Context().Err() != nil {
		return ErrStopped
	}
	if cause := context.Cause(s.ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("it does not respond: %w", err)
	}
	return fmt.Errorf("%s: %w", s.e.opts.target(), err)
}

// Ended implements [reconnect.Session].
func (s *session) Ended() error {
	if s.ctx.Err() == nil {
		return nil
	}
	return s.describe(nil)
}

// Abort implements [reconnect.Session].
func (s *session) Abort(err error) { s.end(err) }

// Wait implements [reconnect.Session].
func (s *session) Wait() error {
	select {
	case err := <-s.received:
		if err == nil {
			err = errors.New("the connection has ended")
		}
		s.end(err)
	case <-s.ctx.Done():
	}
	s.close()
	return s.describe(nil)
}

// close waits until the session calls nothing any more. It has ended before.
func (s *session) close() {
	for range s.received {
	}
	if s.log != nil {
		s.log.running.Wait()
	}
	for _, release := range s.release {
		release()
	}
	s.client.Close()
}

// receive passes a message to the framework. It is called by one goroutine.
func (s *session) receive(m rueidis.PubSubMessage) {
	channel, ours := strings.CutPrefix(m.Channel, s.e.opts.channelPrefix())
	const head = 16 // has the origin
	if ours && len(m.Message) > maxMessage {
		s.e.in.ReceiveFrame(channel, nil) // counts it as invalid
		return
	}
	if !ours && s.e.bridge != nil {
		s.e.bridge.receive(m)
		return
	}
	if !ours || string(envelope.OriginOf([]byte(m.Message[:min(head, len(m.Message))]))) == s.e.self {
		return
	}
	s.e.in.ReceiveFrame(channel, owned(m.Message))
}

// owned returns the bytes of a message without a copy. They belong to no other string: the client
// reads each message into memory of its own, and keeps nothing of it.
func owned(message string) []byte { return unsafe.Slice(unsafe.StringData(message), len(message)) } //nolint:gosec // see above

// command returns a PUBLISH. bytes must not change until it has ended.
func (s *session) command(channel string, bytes []byte) rueidis.Completed {
	return s.pub.B().Publish().Channel(channel).Message(rueidis.BinaryString(bytes)).Build()
}

// subscribeToNode subscribes to what Node sends.
func (s *session) subscribeToNode(ctx context.Context) error {
	if s.e.bridge == nil || len(s.e.bridge.namespaces) == 0 {
		return nil
	}
	for command, cmd := range map[string]rueidis.Completed{
		"PSUBSCRIBE": s.sub.B().Psubscribe().Pattern(s.e.bridge.patterns()...).Build(),
		"SUBSCRIBE":  s.sub.B().Subscribe().Channel(s.e.bridge.channels()...).Build(),
	} {
		if err := s.sub.Do(ctx, cmd).Error(); err != nil {
			return s.unsubscribed(command, err)
		}
	}
	if _, err := s.servers(ctx, s.e.bridge.namespaces); err != nil { // better now than at the first question
		return s.unsubscribed("PUBSUB NUMSUB", err)
	}
	return nil
}

// do sends commands in one pipeline, and returns their results. Without an answer until ctx ends,
// the session ends.
func (s *session) do(ctx context.Context, cmds []rueidis.Completed) ([]int64, error) {
	if len(cmds) == 0 {
		return nil, nil
	}
	defer context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })()
	counts := make([]int64, len(cmds))
	for i, r := range s.pub.DoMulti(ctx, cmds...) {
		var err error
		if counts[i], err = r.AsInt64(); err != nil {
			return nil, s.failed("PUBLISH", err)
		}
	}
	return counts, nil
}

// failed returns the error of a command, and ends the session unless Redis has refused it, for a reason that a
// new connection does not change.
func (s *session) failed(command string, err error) error {
	if e, refused := rueidis.IsRedisErr(err); refused && !elsewhere(e) {
		return fmt.Errorf("%s: %w", s.e.opts.target(), s.refused(command, err))
	}
	s.end(err)
	return s.describe(err)
}

// refused returns the error of a command that Redis has refused.
func (s *session) refused(command string, err error) error {
	if strings.HasPrefix(err.Error(), "NOPERM") || strings.Contains(err.Error(), "can't run this command") { // by a script
		channels, more := s.e.opts.channelPrefix()+"*", ""
		if b := s.e.bridge; b != nil {
			// A rule permits a pattern only when it is the same.
			channels, more = strings.Join(append([]string{b.key + "*"}, b.patterns()...), ", "), "PSUBSCRIBE, PUBSUB NUMSUB, "
		}
		keys := ""
		if s.e.log != nil {
			keys, more = "the keys "+channels+", ", logCommands
		}
		err = fmt.Errorf("%w: the user needs %sthe channels %s and the commands SUBSCRIBE, %sUNSUBSCRIBE, PUBLISH and PING", err, keys, channels, more)
	}
	return fmt.Errorf("%s: %w", command, err)
}

// unsubscribed returns the error of a command about channels, and ends the session: without what the node wants,
// it is not connected.
func (s *session) unsubscribed(command string, err error) error {
	if _, refused := rueidis.IsRedisErr(err); refused {
		err = s.refused(command, err)
	}
	s.end(err)
	return s.describe(err)
}

// Subscribe implements [reconnect.Session]. A node that wants events wants those of Node too;
// an emitter, which wants nothing, must not count as a server there.
func (s *session) Subscribe(ctx context.Context, channels []string) error {
	if slices.Contains(channels, backplane.ChannelEvents) {
		if err := s.subscribeToNode(ctx); err != nil {
			return err
		}
	}
	return s.channels(ctx, "SUBSCRIBE", channels, func(b rueidis.Builder, names []string) rueidis.Completed {
		return b.Subscribe().Channel(names...).Build()
	})
}

// unsubscribe removes channels.
func (s *session) unsubscribe(ctx context.Context, channels []string) error {
	return s.channels(ctx, "UNSUBSCRIBE", channels, func(b rueidis.Builder, names []string) rueidis.Completed {
		return b.Unsubscribe().Channel(names...).Build()
	})
}

func (s *session) channels(ctx context.Context, command string, channels []string, build func(rueidis.Builder, []string) rueidis.Completed) error {
	if len(channels) == 0 {
		return nil
	}
	names := make([]string, 0, len(channels))
	for _, c := range channels {
		if s.e.log == nil || c != backplane.ChannelEvents {
			names = append(names, s.e.opts.channelPrefix()+c)
		}
	}
	if len(names) == 0 {
		return nil
	}
	defer context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })()
	if err := s.sub.Do(ctx, build(s.sub.B(), names)).Error(); err != nil {
		return s.unsubscribed(command, err)
	}
	return nil
}
