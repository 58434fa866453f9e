package wsconn

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	opText   = rfc6455.OpText
	opBinary = rfc6455.OpBinary
	opClose  = rfc6455.OpClose
	opPing   = rfc6455.OpPing
	opPong   = rfc6455.OpPong
)

// rawFrame returns a frame as a client sends it.
func rawFrame(first byte, payload []byte) []byte {
	return []byte(rawpeer.Frame{First: first, Payload: string(payload), Mask: [4]byte{1, 2, 3, 4}}.Bytes())
}

// A sealed frame can be read back, for every form of the length.
func TestSeal(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 0xffff, 0x10000} {
		payload := strings.Repeat("x", n)
		for _, text := range []bool{true, false} {
			f := SealCopy(text, []byte(payload))
			var h rfc6455.Header
			i := 0
			for !h.Add(f.bytes[i]) {
				i++
			}
			if !h.Fin() || h.Length() != uint64(n) || string(f.bytes[i+1:]) != payload || string(f.Payload()) != payload ||
				f.Text() != text || f.Text() != (h.Opcode() == opText) {
				t.Errorf("%d bytes, text %v: % x", n, text, f.bytes[:min(14, len(f.bytes))])
			}
		}
	}
}
