package redis

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
)

// What Redis sends has at most. The client reserves memory for lengths before it has read as much.
const (
	maxText     = 512 << 20 // bytes of a text, as in Redis
	maxElements = 1 << 16   // of an array
	maxDepth    = 8         // of arrays in arrays
	maxLine     = 64 << 10  // bytes of a line
	maxWord     = 64        // bytes of the first text of a value that are of interest
)

var errProtocol = errors.New("it does not speak the protocol of Redis")

// guard is a connection to what should be Redis. It ends the connection when that sends anything that Redis
// does not: the client would panic, on a goroutine of its own.
type guard struct {
	net.Conn

	mu       sync.Mutex
	commands values
	awaited  []answer // to the commands that were written
	answers  values   // of Read
}

// answer is what a command is answered by.
type answer struct {
	pushes   int  // that confirm a subscription; 0: a value
	optional bool // nothing, or an error: of UNSUBSCRIBE, after which the client sends a PING
}

// Write implements [net.Conn].
func (g *guard) Write(b []byte) (int, error) {
	g.mu.Lock()
	err := g.commands.read(b, g.asked)
	g.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return g.Conn.Write(b)
}

// Read implements [net.Conn].
func (g *guard) Read(b []byte) (n int, err error) {
	n, err = g.Conn.Read(b)
	g.mu.Lock()
	bad := g.answers.read(b[:n], g.answered)
	g.mu.Unlock()
	if bad != nil {
		_ = g.Conn.Close()
		return 0, bad
	}
	return n, err
}

// asked records that a command has been written; g.mu is held.
func (g *guard) asked(v value) error {
	switch word := strings.ToUpper(v.word); {
	case strings.HasSuffix(word, "UNSUBSCRIBE"):
		g.awaited = append(g.awaited, answer{optional: true})
	case strings.HasSuffix(word, "SUBSCRIBE"):
		g.awaited = append(g.awaited, answer{pushes: v.elements - 1})
	default:
		g.awaited = append(g.awaited, answer{})
	}
	return nil
}

// answered checks what was read; g.mu is held.
func (g *guard) answered(v value) error {
	switch {
	case v.kind == '+' && v.word == "QUEUED": // there are no transactions
		return errProtocol
	case v.kind == '>' || v.kind == '*':
		switch v.word {
		case "subscribe", "psubscribe", "ssubscribe":
			return g.confirmed(v)
		case "message", "pmessage", "smessage", "unsubscribe", "punsubscribe", "sunsubscribe":
			return nil
		}
		if v.kind == '>' {
			return nil
		}
	}
	for len(g.awaited) > 0 && g.awaited[0].optional && v.kind != '-' {
		g.awaited = g.awaited[1:]
	}
	if len(g.awaited) == 0 {
		return unexpected(v) // such as that Redis has too many clients
	}
	g.awaited = g.awaited[1:]
	return nil
}

func unexpected(v value) error {
	return fmt.Errorf("%w: an answer to nothing, %c%s", errProtocol, v.kind, v.word)
}

// confirmed counts a confirmation of a subscription; g.mu is held.
func (g *guard) confirmed(v value) error {
	for len(g.awaited) > 0 && g.awaited[0].optional {
		g.awaited = g.awaited[1:]
	}
	if len(g.awaited) == 0 || g.awaited[0].pushes == 0 {
		return unexpected(v)
	}
	if g.awaited[0].pushes--; g.awaited[0].pushes == 0 {
		g.awaited = g.awaited[1:]
	}
	return nil
}

// value is a value of the protocol that is in no other.
type value struct {
	kind     byte
	elements int    // of an array
	word     string // the first text in it, or its start
}

// values follows values in the pieces in which they come.
type values struct {
	line []byte // the start of a line
	skip int    // bytes that are left of a text
	open []int  // elements that are left of the arrays around

	kind     byte
	elements int
	word     []byte
	hasWord  bool
}

// read follows the next piece, and calls done for each value that ends in it.
func (s *values) read(b []byte, done func(value) error) error {
	for len(b) > 0 {
		var ended bool
		if s.skip > 0 {
			n := min(s.skip, len(b))
			s.keep(b[:n], n == s.skip)
			s.skip, b = s.skip-n, b[n:]
			ended = s.skip == 0
		} else {
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
			var err error
			if ended, err = s.header(); err != nil {
				return err
			}
			s.line = s.line[:0]
		}
		if ended && s.end() {
			v := value{s.kind, s.elements, string(bytes.TrimSuffix(s.word, []byte("\r\n")))}
			s.kind, s.elements, s.word, s.hasWord = 0, 0, s.word[:0], false
			if err := done(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep keeps the start of the first text of a value.
func (s *values) keep(text []byte, last bool) {
	if !s.hasWord {
		s.word = append(s.word, text[:min(len(text), maxWord-len(s.word))]...)
		s.hasWord = last
	}
}

// header reads a line, and reports whether it is a whole value.
func (s *values) header() (whole bool, err error) {
	kind, text := s.line[0], s.line[1:]
	text, ok := bytes.CutSuffix(text, []byte("\r\n"))
	if s.kind == 0 {
		s.kind = kind
	}
	switch kind {
	case '+', '-', ',', '(':
		s.keep(text, true)
		whole = true
	case '#':
		ok, whole = ok && len(text) == 1, true
	case '_':
		ok, whole = ok && len(text) == 0, true
	case ':':
		_, err = strconv.ParseInt(string(text), 10, 64)
		whole = true
	case '$', '!', '=':
		var n int
		n, err = length(text, maxText)
		if whole = n < 0; !whole {
			s.skip = n + len("\r\n")
		}
	case '*', '~', '>', '%':
		var n int
		n, err = length(text, maxElements)
		if len(s.open) == 0 {
			s.elements = max(n, 0)
		}
		if kind == '%' {
			n *= 2
		}
		if whole = n <= 0; !whole {
			s.open = append(s.open, n)
		}
		ok = ok && len(s.open) <= maxDepth && (n >= 0 || kind == '*')
	default:
		ok = false
	}
	if !ok || err != nil {
		return false, fmt.Errorf("%w: it sent %.40q", errProtocol, s.line)
	}
	return whole, nil
}

// length reads a length; -1 is the one of nothing.
func length(text []byte, most int) (int, error) {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < -1 || n > most {
		return 0, errProtocol
	}
	return n, nil
}

// end ends a value, and reports whether it is in no other.
func (s *values) end() bool {
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i]--; s.open[i] > 0 {
			return false
		}
		s.open = s.open[:i]
	}
	return true
}
