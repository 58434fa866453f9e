package roster

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// silent is a link with one other node, which receives nothing.
type silent struct{}

func (silent) Send(*backplane.Message) error { return nil }
func (silent) Others() []backplane.Node      { return []backplane.Node{{ID: "b"}} }
func (silent) Queued() int                   { return 0 }

// FuzzReceive: any body of another node is handled without a panic, and leaves the counts right.
func FuzzReceive(f *testing.F) {
	const entry = `{"name":"n","room":"r","key":"k","client":"c","endpoint":1,"value":{"a":[1]}}`
	for i, body := range []string{
		`{"base":0,"number":1,"put":[` + entry + `,` + entry + `]}`, `{"base":1,"number":2,"remove":[` + entry + `]}`,
		`{"number":7,"asked":1,"part":0,"last":true,"entries":[` + entry + `]}`, `{"asked":1}`, `{"base":9,"number":9}`, `{"base":5,"number":6,"put":[{}]}`,
	} {
		f.Add(uint8(i), []byte(body), []byte(`{"base":3,"number":4,"put":[`+entry+`]}`))
	}
	f.Fuzz(func(t *testing.T, kind uint8, first, second []byte) {
		tab := New(Config{Node: "a", Link: silent{}, Beat: testBeat, Log: slog.New(slog.DiscardHandler)})
		for i, body := range [][]byte{first, second, first} {
			k := backplane.PresenceDelta + backplane.Kind((int(kind)+i)%3)
			_ = tab.Receive(&backplane.Message{Kind: k, Origin: "b", Body: body})
		}
		for _, line := range tab.snapshot() {
			if strings.HasPrefix(line, "room") || strings.HasPrefix(line, "an empty") {
				t.Error(line)
			}
		}
		if err := tab.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
