package sockio

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CanPoll reports whether there is a [Poller] on this system.
const CanPoll = true

// Poller waits for many sockets at once, by an epoll instance of its own; epoll(7). A socket
// is watched beside package net, which does not notice it. Its methods are safe for
// concurrent use.
type Poller struct {
	file *os.File // the epoll instance, itself watched by the runtime: Run blocks no thread
	raw  syscall.RawConn

	mu     sync.Mutex
	closed bool
	slots  []slot
	free   []uint32 // indexes of slots that are not in use
}

// slot is a place for one socket. Its generation changes whenever it is freed, so that an
// event that was on its way is not taken for one of the next socket.
type slot struct {
	sleeper    Sleeper // nil: free
	generation uint32
}

// events is for how many sockets the kernel reports at once.
const events = 64

// NewPoller returns a poller, for Run and Close.
func NewPoller() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &Poller{file: os.NewFile(uintptr(fd), "epoll")}
	if err := p.file.SetReadDeadline(time.Time{}); err != nil { // the runtime does not watch it
		_ = p.file.Close()
		return nil, err
	}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		_ = p.file.Close()
		return nil, err
	}
	return p, nil
}

// Watch calls s.Wake once, on the goroutine of Run, when the socket nc has something to read
// or its peer has closed or reset the connection, unless the place is left before. What was there
// already counts. nc must be a socket itself, see [NewReader].
func (p *Poller) Watch(nc net.Conn, s Sleeper) (Place, error) {
	raw := rawConn(nc)
	if raw == nil {
		return Place{}, errors.ErrUnsupported
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return Place{}, net.ErrClosed
	}
	at := p.take(s)
	p.mu.Unlock()
	event := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT,
		Fd:     int32(at.index), Pad: int32(at.generation),
	}
	if err := p.arm(raw, &event); err != nil {
		p.Leave(at)
		return Place{}, os.NewSyscallError("epoll_ctl", err)
	}
	return at, nil
}

// arm has the kernel report the next event of a socket. Neither descriptor is closed meanwhile, so neither number can be
// one of another file.
func (p *Poller) arm(raw syscall.RawConn, event *unix.EpollEvent) error {
	var failed error
	err := p.raw.Control(func(epoll uintptr) {
		if err := raw.Control(func(fd uintptr) {
			if failed = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, int(fd), event); errors.Is(failed, unix.EEXIST) {
				failed = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_MOD, int(fd), event)
			}
		}); err != nil {
			failed = err
		}
	})
	return errors.Join(err, failed)
}

// take takes a slot; p.mu is held.
func (p *Poller) take(s Sleeper) Place {
	if len(p.free) == 0 {
		p.slots = append(p.slots, slot{})
		p.free = append(p.free, uint32(len(p.slots)-1))
	}
	i := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	p.slots[i].sleeper = s
	return Place{i, p.slots[i].generation}
}

// Leave ends what Watch has started, before or after the call of Wake. The kernel keeps the socket until it is closed, but
// reports one event at most, which finds that the place was left.
func (p *Poller) Leave(at Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := &p.slots[at.index]; s.generation == at.generation && s.sleeper != nil {
		s.sleeper = nil
		s.generation++
		p.free = append(p.free, at.index)
	}
}

// find returns the sleeper of a place; nil when it was left.
func (p *Poller) find(at Place) Sleeper {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := &p.slots[at.index]; s.generation == at.generation {
		return s.sleeper
	}
	return nil
}

// Run reports events until Close, or until the kernel fails. Then it wakes all sleepers that are
// left, and Watch fails.
func (p *Poller) Run() {
	var list [events]unix.EpollEvent
	for {
		n := 0
		var failed error
		err := p.raw.Read(func(fd uintptr) bool {
			for {
				n, failed = unix.EpollWait(int(fd), list[:], 0)
				if failed != unix.EINTR {
					return n != 0
				}
			}
		})
		if err != nil || failed != nil {
			break
		}
		for _, e := range list[:n] {
			at := Place{uint32(e.Fd), uint32(e.Pad)}
			if s := p.find(at); s != nil {
				s.Wake(at)
			}
		}
	}
	p.Close()
	p.mu.Lock()
	left := make(map[Place]Sleeper)
	for i, s := range p.slots {
		if s.sleeper != nil {
			left[Place{uint32(i), s.generation}] = s.sleeper
		}
	}
	p.mu.Unlock()
	for at, s := range left {
		s.Wake(at)
	}
}

// Close ends Run.
func (p *Poller) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.file.Close()
}
