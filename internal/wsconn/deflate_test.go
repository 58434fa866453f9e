package wsconn

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
)

// However many send a frame at the same time, it is compressed once, and all get the same bytes.
func TestCompressedOnce(t *testing.T) {
	text := strings.Repeat("a text that repeats itself, ", 100)
	f := SealCopy(true, []byte(text))
	const clients = 16
	got := make([][]byte, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { got[i] = f.compressed() })
	}
	all.Wait()
	for _, p := range got {
		if &p[0] != &got[0][0] {
			t.Fatal("two clients got bytes that were compressed apart")
		}
	}
	p := got[0]
	if p[0] != rfc6455.Fin|rfc6455.Rsv1|rfc6455.OpText || len(p) >= len(text)/2 {
		t.Fatalf("%d bytes, the first is %#x", len(p), p[0])
	}
	header := 2
	if p[1] == 126 {
		header = 4
	}
	r := flate.NewReader(io.MultiReader(bytes.NewReader(p[header:]), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	if plain, err := io.ReadAll(r); err != nil || string(plain) != text {
		t.Errorf("%v: %.60q", err, plain)
	}
}

// Short messages are not compressed.
func TestShortIsNotCompressed(t *testing.T) {
	f := SealCopy(true, make([]byte, deflateLeast-1))
	if p := f.compressed(); p[0] != rfc6455.Fin|rfc6455.OpText || &p[0] != &f.bytes[0] {
		t.Errorf("it starts with %#x", p[0])
	}
}
