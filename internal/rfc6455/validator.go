package rfc6455

import "strconv"

// Validator follows the frames that a client sends and reports what is wrong with them:
// protocol errors, too many fragments, and the size of a message before it is read. It
// also recognizes the close frame. Its errors are a *[ProtocolError] or a *[CloseError].
//
// The exported fields are set before the first byte.
type Validator struct {
	MaxMessage   int64 // bytes of one message
	MaxFragments int   // frames of one message; 0 for no limit
	Deflate      bool  // compression was negotiated: RSV1 may be set

	header Header
	rest   uint64 // bytes of the payload that are still to come

	message  message
	messages int // complete messages so far

	control []byte // unmasked payload of the current control frame; nil between two
}

// message is the message that is being received, or the last one.
type message struct {
	open       bool // its last frame has not come
	text       bool
	compressed bool
	fragments  int
	size       int64
}

// AtRest reports whether no frame and no message is half received.
func (v *Validator) AtRest() bool { return !v.message.open && v.header.Empty() }

// Messages returns how many messages are complete.
func (v *Validator) Messages() int { return v.messages }

// CountMessage counts a message that was read without the validator, see [WholeMessage].
func (v *Validator) CountMessage() { v.messages++ }

// Text reports whether the current message, or the last one, is text.
func (v *Validator) Text() bool { return v.message.text }

// First returns the opcode of the current message, or of the last one, with RSV1 if it is
// compressed.
func (v *Validator) First() byte {
	first := byte(OpBinary)
	if v.message.text {
		first = OpText
	}
	if v.message.compressed {
		first |= Rsv1
	}
	return first
}

// Header returns the header of the current frame. Its fields are valid once it is complete.
func (v *Validator) Header() *Header { return &v.header }

// Control returns the payload of the current control frame, see [Validator.AddControl].
func (v *Validator) Control() []byte { return v.control }

// Step is a piece of a frame.
type Step struct {
	N       int  // its bytes
	Payload bool // it belongs to the payload, not to the header
	End     bool // it ends the frame; EndFrame must follow
}

// Step consumes bytes of p, which must not be empty: up to the end of the header or of
// the payload, or all. With an error, Step.N is how many bytes came before it.
func (v *Validator) Step(p []byte) (Step, error) {
	if v.rest > 0 {
		n := min(v.rest, uint64(len(p)))
		v.rest -= n
		return Step{int(n), true, v.rest == 0}, nil
	}
	for i, c := range p {
		first := v.header.n == 0
		done := v.header.Add(c)
		var err error
		switch {
		case first:
			err = v.checkFirst()
		case v.header.n == 2:
			err = v.checkSecond()
		case v.header.n == 3 && v.header.buf[1]&0x7f == 127 && c&0x80 != 0:
			err = protocolError("a negative payload length") // found before the mask has come
		}
		if err == nil && done {
			err = v.checkLength()
		}
		if err != nil {
			return Step{N: i}, err
		}
		if done {
			v.rest = v.header.Length()
			return Step{i + 1, false, v.rest == 0}, nil
		}
	}
	return Step{N: len(p)}, nil
}

// EndFrame completes a frame after the Step that ended it.
func (v *Validator) EndFrame() {
	if !v.header.Control() && v.header.Fin() {
		v.message.open = false
		v.messages++
	}
	v.control = nil
	v.header.Reset()
}

// Unmask removes the mask from p, the bytes of the payload that the last Step consumed.
func (v *Validator) Unmask(p []byte) {
	Unmask(p, v.header.mask(), v.header.Length()-v.rest-uint64(len(p)))
}

// AddControl keeps p, the bytes of a control frame that the last Step consumed, unmasked.
func (v *Validator) AddControl(p []byte) {
	key := v.header.mask()
	for _, c := range p {
		v.control = append(v.control, c^key[len(v.control)&3])
	}
}

// ParseClose returns the current close frame, which must be complete, as an error.
func (v *Validator) ParseClose() error { return parseClose(v.control) }

// checkFirst checks FIN, RSV and opcode.
func (v *Validator) checkFirst() error {
	c := v.header.buf[0]
	op := v.header.Opcode()
	if c&rsv != 0 || c&Rsv1 != 0 && (!v.Deflate || op != OpText && op != OpBinary) {
		return protocolError("reserved bits are set")
	}
	switch op {
	case OpText, OpBinary:
		if v.message.open {
			return protocolError("a new message before the last fragment of another")
		}
		v.message = message{open: true, text: op == OpText, compressed: c&Rsv1 != 0}
	case OpContinuation:
		if !v.message.open {
			return protocolError("a continuation frame without a message")
		}
	case OpClose, OpPing, OpPong:
		if !v.header.Fin() {
			return protocolError("a fragmented control frame")
		}
		return nil
	default:
		return protocolError("unknown opcode " + strconv.Itoa(int(op)))
	}
	if v.message.fragments++; v.MaxFragments > 0 && v.message.fragments > v.MaxFragments {
		return &ProtocolError{StatusPolicyViolation, "too many fragments"}
	}
	return nil
}

// checkSecond checks the mask bit and the short length.
func (v *Validator) checkSecond() error {
	c := v.header.buf[1]
	if c&0x80 == 0 {
		return protocolError("a frame without mask")
	}
	if v.header.Control() && c&0x7f > MaxControl {
		return protocolError("a control frame over 125 bytes")
	}
	return nil
}

func (v *Validator) checkLength() error {
	if v.header.Control() {
		return nil
	}
	l := v.header.Length()
	if !v.header.minimal() { // RFC 6455 §5.2
		return protocolError("a payload length that is longer than necessary")
	}
	limit := v.MaxMessage
	if v.message.compressed {
		// Deflate makes incompressible data slightly longer. The reader measures the
		// message after decompression.
		limit += limit>>8 + 64
	}
	if l > uint64(limit) || v.message.size+int64(l) > limit {
		return TooBig()
	}
	v.message.size += int64(l)
	return nil
}

func protocolError(text string) *ProtocolError {
	return &ProtocolError{StatusProtocolError, text}
}
