package nats

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

const (
	maxLine = 1 << 20 // bytes of a line, which is that of INFO
	// maxSize is the size of a message, the largest that a server of NATS accepts.
	maxSize = 64 << 20
)

var errProtocol = errors.New("it does not speak the protocol of NATS")

// lines follows what a server sends, in the pieces in which it comes. For sizes of messages that no server has the
// client would panic, on a goroutine of its own, or reserve as much memory.
type lines struct {
	line    []byte // the start of one
	skip    int    // bytes that are left of a message
	payload bool   // the line is the end of a message
	off     bool   // the rest is encrypted
}

// read follows the next piece.
func (s *lines) read(b []byte) error {
	for len(b) > 0 && !s.off {
		if s.skip > 0 {
			n := min(s.skip, len(b))
			s.skip, b = s.skip-n, b[n:]
			continue
		}
		const handshake, alert = 0x16, 0x15 // of TLS
		if len(s.line) == 0 && (b[0] == handshake || b[0] == alert) {
			s.off = true
			return nil
		}
		n := bytes.IndexByte(b, '\n') + 1
		whole := n > 0
		if !whole {
			n = len(b)
		}
		if s.line, b = append(s.line, b[:n]...), b[n:]; len(s.line) > maxLine {
			return fmt.Errorf("%w: a line of %d bytes", errProtocol, len(s.line))
		}
		if !whole {
			return nil
		}
		if err := s.whole(); err != nil {
			return err
		}
		s.line = s.line[:0]
	}
	return nil
}

// whole reads a line.
func (s *lines) whole() error {
	ended := s.payload
	s.payload = false
	words := bytes.Fields(s.line)
	if ended || len(words) == 0 || !bytes.EqualFold(words[0], []byte("MSG")) && !bytes.EqualFold(words[0], []byte("HMSG")) {
		return nil // the client refuses what it does not know
	}
	size, err := strconv.ParseUint(string(words[len(words)-1]), 10, 32)
	if err != nil || size > maxSize {
		return fmt.Errorf("%w: it sent %.60q", errProtocol, s.line)
	}
	s.skip, s.payload = int(size), true
	return nil
}
