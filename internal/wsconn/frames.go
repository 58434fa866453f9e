package wsconn

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Opcodes of RFC 6455 §5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

const (
	maxControl = 125 // payload of a control frame, RFC 6455 §5.5

)

// ViolationError is what a client did wrong, with the close code that it gets. A
// [Handler] may return one.
type ViolationError struct {
	Cause websockets.Cause
	Code  websocket.StatusCode
	Text  string
}

func (v *ViolationError) Error() string {
	return "websocket: " + v.Text + " (close code " + strconv.Itoa(int(v.Code)) + ")"
}

func protocolError(text string) *ViolationError {
	return &ViolationError{websockets.CauseParseError, websocket.StatusProtocolError, text}
}

func tooBig() *ViolationError {
	return &ViolationError{websockets.CauseMessageTooBig, websocket.StatusMessageTooBig, "message too big"}
}

func notUTF8(what string) *ViolationError {
	return &ViolationError{websockets.CauseParseError, websocket.StatusInvalidFramePayloadData, what + " is not UTF-8"}
}

// goodbye is the client's close frame.
type goodbye struct {
	code websocket.StatusCode // StatusNoStatusRcvd when it had none
	text string
}

func (*goodbye) Error() string { return "websocket: the client said goodbye" }

// header takes the bytes of one frame's header, one at a time.
type header struct {
	buf  [14]byte
	n    int // bytes of buf taken
	need int // bytes of the whole header; known once n is 2
}

// add takes one byte and tells whether the header is complete.
func (h *header) add(c byte) bool {
	h.buf[h.n] = c
	h.n++
	if h.n == 2 {
		h.need = 2
		switch c & 0x7f {
		case 126:
			h.need += 2
		case 127:
			h.need += 8
		}
		if c&0x80 != 0 {
			h.need += 4
		}
	}
	return h.n >= 2 && h.n == h.need
}

func (h *header) fin() bool  { return h.buf[0]&0x80 != 0 }
func (h *header) op() byte   { return h.buf[0] & 0x0f }
func (h *header) ctrl() bool { return h.buf[0]&0x08 != 0 }

// length of the payload, of a complete header.
func (h *header) length() uint64 {
	switch l := h.buf[1] & 0x7f; l {
	case 126:
		return uint64(binary.BigEndian.Uint16(h.buf[2:]))
	case 127:
		return binary.BigEndian.Uint64(h.buf[2:])
	default:
		return uint64(l)
	}
}

// inspector follows the frames of what a client sends and finds what is wrong with
// them: protocol errors, the number of fragments, the size of a message before it is
// read, and the close frame. Where the websocket library reads, what it objects to is
// withheld from the library, so that all goodbyes are said in one place.
type inspector struct {
	maxMessage   int64
	maxFragments int  // 0 for no limit
	deflate      bool // compression was negotiated: RSV1 may be set

	hdr       header
	inPayload bool
	rest      uint64 // of the payload that is being passed

	inMessage  bool // between the first and the last frame of a message
	text       bool // what kind that is
	compressed bool
	fragments  int
	size       int64
	messages   int // that have passed as a whole

	control []byte // payload of the control frame, unmasked; nil between two
}

// atRest tells that no frame and no message is half received.
func (s *inspector) atRest() bool { return !s.inMessage && !s.inPayload && s.hdr.n == 0 }

// step is a piece of a frame.
type step struct {
	n       int  // bytes
	payload bool // of the payload, not the header
	end     bool // of the frame; endFrame has to follow
}

// step takes bytes off p, which must not be empty: up to the end of the header or the
// payload, or all. With an error, n is how many came before it.
func (s *inspector) step(p []byte) (step, error) {
	if s.inPayload {
		n := min(s.rest, uint64(len(p)))
		s.rest -= n
		return step{int(n), true, s.rest == 0}, nil
	}
	for i, c := range p {
		first := s.hdr.n == 0
		done := s.hdr.add(c)
		var err error
		switch {
		case first:
			err = s.checkFirst()
		case s.hdr.n == 2:
			err = s.checkSecond()
		case s.hdr.n == 3 && s.hdr.buf[1]&0x7f == 127 && c&0x80 != 0:
			err = protocolError("a negative length") // the library would see it before the mask
		}
		if err == nil && done {
			err = s.checkLength()
		}
		if err != nil {
			return step{n: i}, err
		}
		if done {
			s.rest = s.hdr.length()
			s.inPayload = s.rest > 0
			return step{i + 1, false, s.rest == 0}, nil
		}
	}
	return step{n: len(p)}, nil
}

// endFrame makes ready for the next frame.
func (s *inspector) endFrame() {
	if !s.hdr.ctrl() && s.hdr.fin() {
		s.inMessage = false
		s.messages++
	}
	s.inPayload, s.hdr.n, s.control = false, 0, nil
}

// feed follows p and gives how many bytes of it may pass; less than all only
// with an error, a *ViolationError or a *goodbye. crossed tells that nothing was half
// received at some point in p.
func (s *inspector) feed(p []byte) (pass int, crossed bool, err error) {
	for i := 0; i < len(p); {
		st, err := s.step(p[i:])
		if err != nil {
			return i + st.n, crossed, err
		}
		if st.payload && s.hdr.op() == opClose {
			s.collect(p[i : i+st.n])
		}
		i += st.n
		if !st.end {
			continue
		}
		if s.hdr.op() == opClose {
			return i - 1, crossed, s.goodbye()
		}
		s.endFrame()
		if !s.inMessage { // pings between fragments give no more time
			crossed = true
		}
	}
	return len(p), crossed, nil
}

// checkFirst looks at FIN, RSV and opcode.
func (s *inspector) checkFirst() error {
	c := s.hdr.buf[0]
	op := s.hdr.op()
	if c&0x30 != 0 || c&0x40 != 0 && (!s.deflate || op != opText && op != opBinary) {
		return protocolError("reserved bits are set")
	}
	switch op {
	case opText, opBinary:
		if s.inMessage {
			return protocolError("a new message began inside of a fragmented one")
		}
		s.inMessage, s.text = true, op == opText
		s.compressed = c&0x40 != 0
		s.fragments, s.size = 0, 0
	case opContinuation:
		if !s.inMessage {
			return protocolError("a continuation of nothing")
		}
	case opClose, opPing, opPong:
		if !s.hdr.fin() {
			return protocolError("a fragmented control frame")
		}
		return nil
	default:
		return protocolError("unknown opcode " + strconv.Itoa(int(op)))
	}
	if s.fragments++; s.maxFragments > 0 && s.fragments > s.maxFragments {
		return &ViolationError{websockets.CauseParseError, websocket.StatusPolicyViolation, "too many fragments"}
	}
	return nil
}

// checkSecond looks at the mask bit and the short length.
func (s *inspector) checkSecond() error {
	c := s.hdr.buf[1]
	if c&0x80 == 0 {
		return protocolError("a frame without mask")
	}
	if s.hdr.ctrl() && c&0x7f > maxControl {
		return protocolError("a control frame over 125 bytes")
	}
	return nil
}

func (s *inspector) checkLength() error {
	if s.hdr.ctrl() {
		return nil
	}
	l := s.hdr.length()
	limit := s.maxMessage
	if s.compressed {
		// Deflate makes what does not compress a little longer. What comes out
		// is measured by the reader.
		limit += limit>>8 + 64
	}
	if l > uint64(limit) || s.size+int64(l) > limit {
		return tooBig()
	}
	s.size += int64(l)
	return nil
}

// key is the mask of the frame, RFC 6455 §5.3.
func (s *inspector) key() [4]byte { return [4]byte(s.hdr.buf[s.hdr.need-4 : s.hdr.need]) }

// collect takes a piece of a control frame's payload.
func (s *inspector) collect(p []byte) {
	key := s.key()
	for _, c := range p {
		s.control = append(s.control, c^key[len(s.control)&3])
	}
}

// goodbye reads the close frame, RFC 6455 §5.5.1 and §7.4.
func (s *inspector) goodbye() error {
	p := s.control
	switch len(p) {
	case 0:
		return &goodbye{code: websocket.StatusNoStatusRcvd}
	case 1:
		return protocolError("a close frame with half a code")
	}
	code := websocket.StatusCode(binary.BigEndian.Uint16(p))
	if !sendable(code) {
		return protocolError("close code " + strconv.Itoa(int(code)))
	}
	if !utf8.Valid(p[2:]) {
		return notUTF8("the close reason")
	}
	return &goodbye{code, string(p[2:])}
}

// sendable tells whether a close frame may carry the code, RFC 6455 §7.4.
func sendable(code websocket.StatusCode) bool {
	switch code {
	case 1004, websocket.StatusNoStatusRcvd, websocket.StatusAbnormalClosure, websocket.StatusTLSHandshake:
		return false
	}
	return code >= 1000 && code <= websocket.StatusBadGateway || code >= 3000 && code <= 4999
}
