package zishang

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	eio "github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// preEncode is the size in bytes from which a text is given to the WebSocket as
// a whole frame. Smaller ones fit into its write buffer, and cost less there;
// larger ones would be split into several frames and system calls.
const preEncode = 1000

// send queues a packet for the client. A full queue ends a client whose
// message may not be dropped, unless it answers one of the client's.
func (l *link) send(m *message, o websockets.Overflow, answer bool) error {
	err := l.out.push(m, o, answer)
	if o == websockets.OverflowClose && errors.Is(err, websockets.ErrQueueFull) {
		l.kill(websockets.Reason{Cause: websockets.CauseQueueOverflow})
	}
	return err
}

// refuse reports to the client that it does not enter the namespace; data is a JSON
// value, or empty.
func (l *link) refuse(nsp, text string, data []byte) {
	m, err := connectError(nsp, text, data)
	if err != nil {
		l.broken(err)
		return
	}
	_ = l.send(m, websockets.OverflowClose, false)
}

// idle reports whether the library has written all that it was given and its
// transport can take more: for polling that means that a poll is waiting, so
// the answer to the one before it has arrived.
func (l *link) idle() bool {
	return l.buffer.Load() == 0 && l.Transport().Writable()
}

// write passes one packet to the library. The text is shared with other
// connections; the library only reads it.
func (l *link) write(m *message) {
	var o *eio.Options
	if len(m.text) > preEncode {
		o = &eio.Options{WsPreEncodedFrame: types.NewStringBuffer(m.text)}
	}
	l.Socket.Write(types.NewStringBuffer(m.text[1:]), o, nil)
	for _, b := range m.bufs {
		l.Socket.Write(types.NewBytesBuffer(b), nil, nil)
	}
}

// onPacketCreate counts what enters the library's write buffer, onFlush what
// leaves it: together with Writable they show when it is empty, exactly.
func (l *link) onPacketCreate(args ...any) {
	l.buffer.Add(1)
	if p, ok := args[0].(*eio.Packet); ok && p.Type == eio.PING {
		l.pinged.Store(time.Now().UnixNano())
	}
}

func (l *link) onFlush(args ...any) {
	if ps, ok := args[0].([]*eio.Packet); ok {
		l.buffer.Add(-int64(len(ps)))
	}
}

// onReady is called when a transport has finished writing, or a poll arrived.
func (l *link) onReady(...any) {
	defer l.srv.recovered("ready")
	l.mu.Lock()
	poll, closed := l.poll, l.phase == linkClosed
	l.mu.Unlock()
	if poll != nil {
		poll.arm()
		if closed {
			poll.flush()
		}
	}
	l.out.pump()
}

// onUpgrade is called when the client has changed to WebSocket.
func (l *link) onUpgrade() {
	defer l.srv.recovered("upgrade")
	defer l.watchPolls()
	_ = l.Transport().On("ready", l.onReady)
	l.mu.Lock()
	poll, post := l.poll, l.post
	conns := slices.Collect(maps.Values(l.conns))
	l.mu.Unlock()
	for _, x := range []*exchange{poll, post} {
		if x != nil {
			time.AfterFunc(pollGrace, x.flush)
		}
	}
	l.out.pump()
	for _, c := range conns {
		c.in.upgraded()
	}
}

// Write takes what the Socket.IO half sends: its answers to CONNECT, its
// DISCONNECT, and what native code emits.
func (l *link) Write(data io.Reader, _ *eio.Options, _ engine.SendCallback) engine.Socket {
	defer l.srv.recovered("write")
	l.gatherMu.Lock()
	defer l.gatherMu.Unlock()
	switch b := data.(type) {
	case *types.StringBuffer:
		m := &message{text: append([]byte{'4'}, b.Bytes()...)}
		l.gather, l.lacks = m, attachmentsOf(m.text[1:])
		if bytes.HasPrefix(m.text, []byte("44")) { // middleware of native code refused the client
			l.refused(m.text[1:])
		}
	case *types.BytesBuffer:
		if l.lacks == 0 {
			return l
		}
		l.gather.bufs = append(l.gather.bufs, bytes.Clone(b.Bytes()))
		l.lacks--
	}
	if l.lacks == 0 && l.gather != nil {
		_ = l.send(l.gather.own(), websockets.OverflowClose, false)
		l.gather = nil
	}
	return l
}

// Send is Write.
func (l *link) Send(data io.Reader, o *eio.Options, f engine.SendCallback) engine.Socket {
	return l.Write(data, o, f)
}

// attachmentsOf returns how many binary frames belong to an encoded packet.
func attachmentsOf(text []byte) int {
	if len(text) < 2 || text[0] != '5' && text[0] != '6' {
		return 0
	}
	n := 0
	for _, c := range text[1:] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// refused forgets a client that the library itself did not accept.
func (l *link) refused(text []byte) {
	nsp := "/"
	if rest := text[1:]; len(rest) > 0 && rest[0] == '/' {
		name, _, _ := bytes.Cut(rest, []byte{','})
		nsp = string(name)
	}
	if c := l.find(nsp); c != nil && c.state.Load() == joining {
		l.remove(c)
		l.vacate(nsp)
		l.countRefusal()
	}
}

// drain waits until all that was queued has been written.
func (l *link) drain(ctx context.Context) { _ = l.out.wait(ctx, 0) }
