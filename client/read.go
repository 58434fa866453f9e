package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/coder/websocket"
)

// maxKept is the largest buffer that a reader keeps.
const maxKept = 64 << 10

// read reads until the connection is lost.
func (l *link) read() {
	for {
		if err := l.next(); err != nil {
			code := websocket.CloseStatus(err)
			final := l.isFinal(code)
			if refusal := l.refusalOf(code); refusal != nil {
				err = refusal
			}
			l.lost(readError(err), final)
			l.drop()
			return
		}
	}
}

// readError returns the cause of a lost connection in the words of this package.
func readError(err error) error {
	if e, ok := errors.AsType[websocket.CloseError](err); ok {
		return fmt.Errorf("the server has closed the connection with %s", strings.TrimSpace(fmt.Sprint(int(e.Code), " ", e.Reason)))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection has ended without a close frame")
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e
	}
	return err
}

// next reads and handles one message.
func (l *link) next() error {
	_, r, err := l.ws.Reader(context.Background()) // ends with the socket
	if err != nil {
		return err
	}
	b := l.buf[:0]
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		l.noteReceived()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if l.buf = b; cap(b) > maxKept {
		l.buf = nil
	}
	return l.handle(b)
}

// handle handles one message. What is none of the protocol is ignored.
func (l *link) handle(b []byte) error {
	f, ok := parse(b)
	switch {
	case l.protocol == opening:
		return l.openSession(f)
	case ok:
		l.receive(f)
	}
	return nil
}
