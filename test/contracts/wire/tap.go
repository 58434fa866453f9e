package wire

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// tap reads the messages of one connection from its bytes: requests of HTTP/1.1 and their answers, and the frames after an upgrade. What
// it cannot read it leaves out, as a client may send anything.
type tap struct {
	r *Recorder

	mu             sync.Mutex
	client, server stream
	requests       []*http.Request // without an answer
}

// stream is one direction.
type stream struct {
	fromClient bool
	waiting    []byte // the beginning of what is not complete
	unreadable bool   // after what cannot be read
	frames     *frames
}

func newTap(r *Recorder) *tap { return &tap{r: r, client: stream{fromClient: true}} }

// pass reads the next bytes of a direction. A message is recorded before its last byte is passed on.
func (t *tap) pass(fromClient bool, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.server
	if fromClient {
		s = &t.client
	}
	if s.unreadable {
		return
	}
	s.waiting = append(s.waiting, b...)
	for len(s.waiting) > 0 {
		read := t.request
		switch {
		case s.frames != nil:
			read = s.frames.next
		case !fromClient:
			read = t.answer
		}
		n, err := read(s.waiting)
		if err != nil {
			s.unreadable = true
			return
		}
		if n == 0 {
			return
		}
		s.waiting = s.waiting[n:]
	}
	s.waiting = nil
}

// whole reads one message of HTTP with its body, and returns its length; 0 if it is not complete.
func whole(b []byte, read func(*bufio.Reader) (io.ReadCloser, error)) (body []byte, n int, err error) {
	from := bytes.NewReader(b)
	r := bufio.NewReader(from)
	stream, err := read(r)
	if err == nil {
		body, err = io.ReadAll(stream)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	}
	return body, len(b) - from.Len() - r.Buffered(), nil
}

func (t *tap) request(b []byte) (int, error) {
	var q *http.Request
	body, n, err := whole(b, func(r *bufio.Reader) (_ io.ReadCloser, err error) {
		if q, err = http.ReadRequest(r); err != nil {
			return nil, err
		}
		return q.Body, nil
	})
	if n == 0 {
		return 0, err
	}
	t.requests = append(t.requests, q)
	if sid := q.URL.Query().Get("sid"); sid != "" && q.Method == http.MethodPost {
		t.packets(sid, q.URL.Path, true, body)
	}
	return n, nil
}

func (t *tap) answer(b []byte) (int, error) {
	if len(t.requests) == 0 {
		return 0, errors.New("an answer without a request")
	}
	q := t.requests[0]
	var a *http.Response
	body, n, err := whole(b, func(r *bufio.Reader) (_ io.ReadCloser, err error) {
		if a, err = http.ReadResponse(r, q); err != nil { //nolint:bodyclose // it is read from memory
			return nil, err
		}
		if a.StatusCode == http.StatusSwitchingProtocols {
			return http.NoBody, nil
		}
		return a.Body, nil
	})
	if n == 0 {
		return 0, err
	}
	sid := q.URL.Query().Get("sid")
	switch {
	case a.StatusCode == http.StatusSwitchingProtocols:
		if sid == "" {
			sid = strconv.Itoa(t.r.number())
		}
		for _, s := range []*stream{&t.client, &t.server} {
			s.frames = &frames{r: t.r, message: Message{Conn: sid, Path: q.URL.Path, FromClient: s == &t.client}}
		}
	case a.StatusCode < http.StatusOK:
		return n, nil
	case sid != "" && q.Method == http.MethodGet && a.StatusCode == http.StatusOK:
		if a.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				return 0, err
			}
			if body, err = io.ReadAll(z); err != nil {
				return 0, err
			}
		}
		t.packets(sid, q.URL.Path, false, body)
	}
	t.requests = t.requests[1:]
	return n, nil
}

// packets records the packets of a poll.
func (t *tap) packets(sid, path string, fromClient bool, body []byte) {
	for p := range bytes.SplitSeq(body, []byte{0x1e}) {
		t.r.add(Message{Conn: sid, Path: path, FromClient: fromClient, Data: p})
	}
}

// frames reads the frames of one direction of a WebSocket.
type frames struct {
	r          *Recorder
	message    Message // the one that is being read
	compressed bool
	window     []byte // of the compression
}

// windowSize is how many bytes compressed messages may refer to (RFC 7692).
const windowSize = 32 << 10

// next reads one frame, and returns its length; 0 if it is not complete.
func (f *frames) next(b []byte) (int, error) {
	if len(b) < 2 {
		return 0, nil
	}
	size, at := uint64(b[1]&0x7f), 2
	switch {
	case size == 126 && len(b) >= 4:
		size, at = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case size == 127 && len(b) >= 10:
		size, at = binary.BigEndian.Uint64(b[2:]), 10
	case size >= 126:
		return 0, nil
	}
	if f.message.FromClient {
		at += 4
	}
	if uint64(len(b)) < uint64(at)+size {
		return 0, nil
	}
	n := at + int(size)
	payload := bytes.Clone(b[at:n])
	if f.message.FromClient {
		rfc6455.Unmask(payload, [4]byte(b[at-4:at]), 0)
	}
	switch opcode := b[0] & 0x0f; opcode {
	case 1, 2:
		f.message.Data, f.message.Binary, f.compressed = payload, opcode == 2, b[0]&0x40 != 0
	case 0:
		f.message.Data = append(f.message.Data, payload...)
	default:
		return n, nil
	}
	if b[0]&0x80 == 0 {
		return n, nil
	}
	m := f.message
	if f.compressed {
		tail := strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")
		data, err := io.ReadAll(flate.NewReaderDict(io.MultiReader(bytes.NewReader(m.Data), tail), f.window))
		if err != nil {
			return 0, err
		}
		m.Data = data
		f.window = append(f.window, data...)
		f.window = bytes.Clone(f.window[max(0, len(f.window)-windowSize):])
	}
	f.r.add(m)
	return n, nil
}
