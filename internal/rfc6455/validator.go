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

	header    Header
	inPayload bool
	rest      uint64 // bytes of the payload that are still to come

	inMessage  bool // between the first and the last frame of a message
	text       bool // the kind of that message
	compressed bool
	fragments  int
	size       int64
	messages   int // complete messages so far

	control []byte // unmasked payload of the current control frame; nil between two
}

// AtRest reports whether no frame and no message is half received.
func (v *Validator) AtRest() bool { return !v.inMessage && !v.inPayload && v.header.Empty() }

// Messages returns how many messages are complete.
func (v *Validator) Messages() int { return v.messages }

// CountMessage counts a message that was read without the validator, see [WholeMessage].
func (v *Validator) CountMessage() { v.messages++ }

// Text reports whether the current message, or the last one, is text.
func (v *Validator) Text() bool { return v.text }

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
	if v.inPayload {
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
			v.inPayload = v.rest > 0
			return Step{i + 1, false, v.rest == 0}, nil
		}
	}
	return Step{N: len(p)}, nil
}

// EndFrame completes a frame after the Step that ended it.
func (v *Validator) EndFrame() {
	if !v.header.Control() && v.header.Fin() {
		v.inMessage = false
		v.messages++
	}
	v.inPayload, v.control = false, nil
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

// Feed follows p and returns how many bytes may pass on; less than all only with an
// error. crossed reports that nothing was half received at some point in p.
func (v *Validator) Feed(p []byte) (pass int, crossed bool, err error) {
	for i := 0; i < len(p); {
		st, err := v.Step(p[i:])
		if err != nil {
			return i + st.N, crossed, err
		}
		if st.Payload && v.header.Opcode() == OpClose {
			v.AddControl(p[i : i+st.N])
		}
		i += st.N
		if !st.End {
			continue
		}
		if v.header.Opcode() == OpClose {
			return i - 1, crossed, v.ParseClose()
		}
		v.EndFrame()
		if !v.inMessage { // pings between fragments do not extend the timeout
			crossed = true
		}
	}
	return len(p), crossed, nil
}

// checkFirst checks FIN, RSV and opcode.
func (v *Validator) checkFirst() error {
	c := v.header.buf[0]
	op := v.header.Opcode()
	if c&rsv != 0 || c&rsv1 != 0 && (!v.Deflate || op != OpText && op != OpBinary) {
		return protocolError("reserved bits are set")
	}
	switch op {
	case OpText, OpBinary:
		if v.inMessage {
			return protocolError("a new message before the last fragment of another")
		}
		v.inMessage, v.text = true, op == OpText
		v.compressed = c&rsv1 != 0
		v.fragments, v.size = 0, 0
	case OpContinuation:
		if !v.inMessage {
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
	if v.fragments++; v.MaxFragments > 0 && v.fragments > v.MaxFragments {
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
	limit := v.MaxMessage
	if v.compressed {
		// Deflate makes incompressible data slightly longer. The reader measures the
		// message after decompression.
		limit += limit>>8 + 64
	}
	if l > uint64(limit) || v.size+int64(l) > limit {
		return TooBig()
	}
	v.size += int64(l)
	return nil
}

func protocolError(text string) *ProtocolError {
	return &ProtocolError{StatusProtocolError, text}
}
