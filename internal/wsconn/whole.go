package wsconn

import "github.com/gatehouse-go/gatehouse/internal/rfc6455"

// The library takes an inflater of 40 KiB with the first bytes of a compressed message.
// So it gets whole messages only: until the last byte of one has come, the connection
// holds no more than what has come. A message in fragments becomes one frame, because the
// headers of small ones would need several times the memory of their payload.

// whole separates what the library may read from what has to wait. For the reading
// goroutine.
type whole struct {
	message partial // the message that is not complete: room for a header, and the payload
	control partial // the control frame that is not complete, which may come within
	ready   partial // complete ones
	given   int     // how much of ready the library has read
}

// read copies what is ready to dst.
func (w *whole) read(dst []byte) int {
	n := copy(dst, w.ready.bytes()[w.given:])
	if w.given += n; w.given == len(w.ready.bytes()) {
		w.ready.free()
		w.given = 0
	}
	return n
}

var headerRoom [rfc6455.MaxMaskedHeader]byte

// addPayload adds a piece of the message.
func (w *whole) addPayload(p []byte) {
	if w.message.buf == nil {
		w.message.add(headerRoom[:])
	}
	w.message.add(p)
}

// endMessage makes the message ready, as one frame with this first byte.
func (w *whole) endMessage(first byte) {
	w.addPayload(nil)
	w.move(&w.message, rfc6455.PutMaskedHeader(first, w.message.bytes()))
}

// move makes p ready, without its first bytes.
func (w *whole) move(p *partial, skip int) {
	if w.ready.buf == nil {
		w.ready, *p = *p, partial{}
		w.given = skip
		return
	}
	w.ready.add(p.bytes()[skip:])
	p.free()
}

// Read is for the library. It withholds what the validator rejects.
func (w *framedConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for w.whole.ready.buf == nil {
		if w.err != nil {
			return 0, w.libraryError()
		}
		if len(w.ahead) == 0 {
			if err := w.fill(); err != nil {
				return 0, w.libraryError()
			}
		}
		w.separate()
	}
	return w.whole.read(p), nil
}

// separate consumes all that is ahead. It sets w.err at what the validator rejects, and
// at a close frame, which the library must not answer.
func (w *framedConn) separate() {
	v := &w.validator
	for len(w.ahead) > 0 {
		st, err := v.Step(w.ahead)
		if err == nil && st.Payload && v.Header().Opcode() == rfc6455.OpClose {
			v.AddControl(w.ahead[:st.N])
		}
		if err == nil && st.End && v.Header().Opcode() == rfc6455.OpClose {
			err = v.ParseClose()
		}
		if err != nil {
			w.err = err
			w.freeAhead()
			return
		}
		control := v.Header().Control()
		switch p := w.ahead[:st.N]; {
		case control:
			w.whole.control.add(p)
		case st.Payload:
			v.Unmask(p)
			w.whole.addPayload(p)
		}
		w.advance(st.N)
		if st.End {
			v.EndFrame()
			if control {
				w.whole.move(&w.whole.control, 0)
			} else if v.AtRest() {
				w.whole.endMessage(v.First())
			}
		}
		w.stampPartial()
	}
}
