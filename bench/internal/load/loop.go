package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
	"golang.org/x/sys/unix"
)

// closeGrace is how long a server may take to end the TCP connection after the
// close handshake.
const closeGrace = 200 * time.Millisecond

// sources is from how many addresses of the loopback range the client
// connects: each has some 28,000 ports, and they stay taken for a while.
const sources = 16

type loop struct {
	ctx     context.Context
	server  Server
	addr    unix.SockaddrInet4
	epoll   int
	events  []unix.EpollEvent
	conns   map[int32]*conn
	input   []byte
	start   time.Time
	now     time.Duration // since start, when the last input came
	dialed  int
	waiting []*conn // for the server to end the TCP connection
	timer   int     // descriptor of the schedule's timer; -1: none
	ticks   func(n int)

	heartbeats uint64 // that were answered
}

func newLoop(ctx context.Context, s Server) (*loop, error) {
	at, err := netip.ParseAddrPort(s.Addr)
	if err != nil {
		return nil, err
	}
	if !at.Addr().Is4() || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("%s is not in 127.0.0.0/8: load goes to this machine only", at)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &loop{
		ctx: ctx, server: s, addr: unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())},
		epoll: epoll, events: make([]unix.EpollEvent, 1024),
		conns: map[int32]*conn{}, input: make([]byte, 256<<10), start: time.Now(), timer: -1,
	}, nil
}

// shut releases everything.
func (l *loop) shut() {
	for fd := range l.conns {
		_ = unix.Close(int(fd))
	}
	if l.timer >= 0 {
		_ = unix.Close(l.timer)
	}
	_ = unix.Close(l.epoll)
}

func (l *loop) clock() time.Duration { return time.Since(l.start) }

// dial starts a connection.
func (l *loop) dial(on handler) (*conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	c := &conn{loop: l, on: on, fd: fd, number: l.dialed, protocol: l.server.of(l.dialed), armed: true}
	from := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + l.dialed%sources)}}
	l.dialed++
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1), // or bind alone would use up the ports
		unix.Bind(fd, &from))
	if err == nil {
		if err = unix.Connect(fd, &l.addr); errors.Is(err, unix.EINPROGRESS) {
			err = nil
		}
	}
	if err == nil {
		err = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT, Fd: int32(fd)})
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connecting to %s: %w", l.server.Addr, err)
	}
	l.conns[int32(fd)] = c
	return c, nil
}

func (l *loop) forget(c *conn) {
	delete(l.conns, int32(c.fd))
	_ = unix.Close(c.fd)
}

// arm waits for the kernel to take output, or no longer.
func (l *loop) arm(c *conn, output bool) {
	if c.armed == output || c.state == closed {
		return
	}
	c.armed = output
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.fd)}
	if output {
		ev.Events |= unix.EPOLLOUT
	}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, c.fd, &ev); err != nil {
		c.drop(err)
	}
}

// closeSeen starts to wait until the server closes the TCP connection.
func (l *loop) closeSeen(c *conn) {
	if c.closeSeen == 0 {
		c.closeSeen = max(1, l.clock())
		l.waiting = append(l.waiting, c)
	}
}

func (l *loop) endWaits() {
	for len(l.waiting) > 0 {
		c := l.waiting[0]
		if c.state != closed {
			if l.clock()-c.closeSeen < closeGrace {
				return
			}
			c.drop(errLeft)
		}
		l.waiting = l.waiting[1:]
	}
}

// schedule calls f with how many periods have passed, from now on.
func (l *loop) schedule(period time.Duration, f func(n int)) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	l.timer, l.ticks = fd, f
	every := unix.NsecToTimespec(int64(period))
	return errors.Join(
		unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil),
		unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}))
}

func (l *loop) tick() {
	var count [8]byte
	if n, err := unix.Read(l.timer, count[:]); err != nil || n != len(count) {
		return
	}
	l.ticks(int(binary.NativeEndian.Uint64(count[:])))
}

// run handles what happens until the time is over or done, which may be nil, is true.
func (l *loop) run(d time.Duration, done func() bool) error {
	end := l.clock() + d
	for {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		left := end - l.clock()
		if left <= 0 || done != nil && done() {
			return nil
		}
		l.endWaits()
		if err := l.poll(min(left, 10*time.Millisecond)); err != nil {
			return err
		}
	}
}

func (l *loop) poll(wait time.Duration) error {
	ms := int((wait + time.Millisecond - 1) / time.Millisecond)
	n, err := unix.EpollWait(l.epoll, l.events, ms)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	for _, ev := range l.events[:max(n, 0)] {
		if ev.Fd == int32(l.timer) {
			l.tick()
		} else if c := l.conns[ev.Fd]; c != nil {
			l.handle(c, ev.Events)
		}
	}
	return nil
}

func (l *loop) handle(c *conn, events uint32) {
	if events&unix.EPOLLOUT != 0 {
		if c.state == connecting {
			l.connected(c)
		} else {
			c.flush()
		}
	}
	if c.state == connecting && events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		l.connected(c)
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 && c.state != closed {
		l.read(c)
	}
}

func (l *loop) connected(c *conn) {
	if code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		c.drop(fmt.Errorf("connecting: %w", errors.Join(err, unix.Errno(code))))
		return
	}
	c.state = upgrading
	l.arm(c, false)
	if c.protocol == wire.Raw {
		c.enter()
		return
	}
	c.write(wire.Upgrade(l.server.Addr, c.protocol.Target()))
}

func (l *loop) read(c *conn) {
	have := copy(l.input, c.unread)
	if have == len(l.input) {
		c.drop(fmt.Errorf("a message is over %d bytes", have))
		return
	}
	n, err := unix.Read(c.fd, l.input[have:])
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return
	case err != nil:
		c.drop(fmt.Errorf("reading: %w", err))
		return
	case n == 0:
		c.drop(errEnd)
		return
	}
	l.now = l.clock()
	rest, err := c.parse(l.input[:have+n])
	if err != nil {
		c.drop(err)
	}
	if c.state == closed {
		return
	}
	c.unread = append(c.unread[:0], rest...)
	c.on.batch(c)
}
