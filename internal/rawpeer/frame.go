package rawpeer

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// The bits of a frame's first byte, RFC 6455 §5.2.
const (
	Fin  byte = 0x80
	RSV1 byte = 0x40
	RSV2 byte = 0x20
	RSV3 byte = 0x10

	OpContinuation byte = 0x0
	OpText         byte = 0x1
	OpBinary       byte = 0x2
	OpClose        byte = 0x8
	OpPing         byte = 0x9
	OpPong         byte = 0xa
)

// Frame is a frame of a client, valid or not.
type Frame struct {
	// First is FIN, RSV and the opcode: Fin|OpText.
	First byte
	// Payload, before masking.
	Payload string
	// Mask to use; the zero mask does not change the payload.
	Mask [4]byte
	// Unmasked omits the mask and its bit.
	Unmasked bool
	// Claim, if not 0, is the length in the header.
	Claim uint64
	// Wide is the number of bytes of the extended length, 2 or 8, to use more than
	// necessary.
	Wide int
}

// Bytes encodes the frame.
func (f Frame) Bytes() string {
	n := f.Claim
	if n == 0 {
		n = uint64(len(f.Payload))
	}
	var masked byte
	if !f.Unmasked {
		masked = 0x80
	}
	b := []byte{f.First}
	switch {
	case n > 0xffff || f.Wide == 8:
		b = binary.BigEndian.AppendUint64(append(b, masked|127), n)
	case n > 125 || f.Wide == 2:
		b = binary.BigEndian.AppendUint16(append(b, masked|126), uint16(n))
	default:
		b = append(b, masked|byte(n))
	}
	if f.Unmasked {
		return string(b) + f.Payload
	}
	b = append(b, f.Mask[:]...)
	at := len(b)
	b = append(b, f.Payload...)
	for i := range b[at:] {
		b[at+i] ^= f.Mask[i%4]
	}
	return string(b)
}

// ClosePayload returns the payload of a close frame.
func ClosePayload(code int, text string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + text
}

// Frame writes one masked frame.
func (p *Peer) Frame(first byte, payload string) {
	p.t.Helper()
	p.Write(Frame{First: first, Payload: payload}.Bytes())
}

// Send writes one text frame.
func (p *Peer) Send(text string) {
	p.t.Helper()
	p.Frame(Fin|OpText, text)
}

// TrySend is [Peer.Send] with an error.
func (p *Peer) TrySend(text string) error {
	return p.TryWrite(Frame{First: Fin | OpText, Payload: text}.Bytes())
}

// Received is a frame of the server.
type Received struct {
	// First is FIN, RSV and the opcode.
	First byte
	// Masked reports a mask, which a server must not use.
	Masked  bool
	Payload string
}

// CloseCode returns the code of a close frame, 1005 if it has none.
func (r Received) CloseCode() int {
	if len(r.Payload) < 2 {
		return 1005
	}
	return int(binary.BigEndian.Uint16([]byte(r.Payload)))
}

// String returns the first byte and the start of the payload.
func (r Received) String() string { return fmt.Sprintf("%#02x %.200q", r.First, r.Payload) }

// Next returns the next frame of any type, and does not answer it.
func (p *Peer) Next() (Received, error) {
	_ = p.Conn.SetReadDeadline(p.deadline())
	var b [8]byte
	if _, err := io.ReadFull(p.R, b[:2]); err != nil {
		return Received{}, err
	}
	got := Received{First: b[0], Masked: b[1]&0x80 != 0}
	n := uint64(b[1] & 0x7f)
	if size := map[uint64]int{126: 2, 127: 8}[n]; size > 0 {
		clear(b[:])
		if _, err := io.ReadFull(p.R, b[8-size:]); err != nil {
			return got, err
		}
		n = binary.BigEndian.Uint64(b[:])
	}
	if n > 64<<20 {
		return got, fmt.Errorf("rawpeer: a frame of %d bytes", n)
	}
	buf := make([]byte, n)
	_, err := io.ReadFull(p.R, buf)
	got.Payload = string(buf)
	return got, err
}

// Exact returns the payload of the next frame, whose first byte must be this one: no other
// frame before it, and no fragments.
func (p *Peer) Exact(first byte) string {
	p.t.Helper()
	got, err := p.Next()
	if err != nil || got.First != first || got.Masked {
		p.t.Fatalf("rawpeer: frame %s, masked: %t, error %v; want a frame %#02x", got, got.Masked, err, first)
	}
	return got.Payload
}

// ExactClose expects the next frame to be a close frame with the code, or with code 0 the
// connection to end without one, and closes the connection. [Peer.WantClose] skips frames.
func (p *Peer) ExactClose(code int) {
	p.t.Helper()
	got, err := p.Next()
	is := 0
	if err == nil && got.First == Fin|OpClose {
		is = got.CloseCode()
	}
	if is != code || code == 0 && err == nil {
		p.t.Errorf("rawpeer: frame %s, error %v; want the close code %d", got, err, code)
	}
	p.Close() // the server waits for it
}

// Text returns the next text message. It answers pings, skips pongs and joins
// fragments.
func (p *Peer) Text() string {
	p.t.Helper()
	text, err := p.TryText()
	if err != nil {
		p.t.Fatalf("rawpeer: want a text message: %v", err)
	}
	return text
}

// TryText is [Peer.Text] with an error.
func (p *Peer) TryText() (string, error) {
	text, within := "", false
	for end := time.Now().Add(2 * testkit.Patience); ; {
		got, err := p.Next()
		if err == nil && time.Now().After(end) { // pings may continue forever
			return "", os.ErrDeadlineExceeded
		}
		switch op := got.First & 0xf; {
		case err != nil:
			return "", err
		case got.First == Fin|OpPing:
			if err := p.TryWrite(Frame{First: Fin | OpPong, Payload: got.Payload}.Bytes()); err != nil {
				return "", err
			}
		case got.First == Fin|OpPong:
		case op == OpText && !within, op == OpContinuation && within:
			within = true
			text += got.Payload
			if got.First&Fin != 0 {
				if !utf8.ValidString(text) {
					return "", fmt.Errorf("text is not UTF-8: %.200q", text)
				}
				return text, nil
			}
		default:
			return "", fmt.Errorf("unexpected frame %s", got)
		}
	}
}

// Want reads a text message and compares.
func (p *Peer) Want(text string) {
	p.t.Helper()
	if got := p.Text(); got != text {
		p.t.Fatalf("rawpeer: got %.200q, want %.200q", got, text)
	}
}

// Closed skips frames until the close frame and returns its code and text: 1005 if it
// has none, 1006 if the connection closes without one. It does not answer it.
func (p *Peer) Closed() (code int, text string) {
	p.t.Helper()
	for {
		got, err := p.Next()
		if IsTimeout(err) {
			p.t.Fatalf("rawpeer: the server did not close: %v", err)
		}
		if err != nil {
			return 1006, err.Error()
		}
		if got.First == Fin|OpClose {
			return got.CloseCode(), got.Payload[min(2, len(got.Payload)):]
		}
	}
}

// WantClose expects one of the codes from [Peer.Closed], and closes the connection.
func (p *Peer) WantClose(codes ...int) {
	p.t.Helper()
	code, text := p.Closed()
	if !slices.Contains(codes, code) {
		p.t.Errorf("rawpeer: closed with %d %q, want %v", code, text, codes)
	}
	p.Close()
}
