package engineio

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Messages of a WebSocket come after those of the POST that was under way when it became the
// transport, and a POST after that is refused.
func TestUpgradeDuringPost(t *testing.T) {
	started, gate, last := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var got []string // without a lock: calls of Message follow each other
	r := newTestServer(t, nil, func(h *recorder) {
		h.onMessage = func(_ bool, msg []byte) error {
			if string(msg) == "a" {
				close(started)
				<-gate
			}
			h.session.AfterBody(func() { got = append(got, string(msg)) })
			if string(msg) == "d" {
				close(last)
			}
			return nil
		}
	})
	p, h := r.poller()
	w := p.probe()
	posted := make(chan answer, 1)
	go func() {
		posted <- r.request(t.Context(), http.MethodPost, p.query(), strings.NewReader("4a\x1e4b"))
	}()
	testkit.Receive(t, "the first packet", started)
	w.send("5")
	w.send("4c")
	w.send("4d")
	testkit.Eventually(t, "the upgrade", h.session.websocket)
	close(gate)
	if a := testkit.Receive(t, "the answer of the POST", posted); a.body != "ok" {
		t.Errorf("the POST was answered %d %q", a.status, a.body)
	}
	testkit.Receive(t, "the last message", last)
	if want := []string{"a", "b", "c", "d"}; !slices.Equal(got, want) {
		t.Errorf("the handler got %q, want %q", got, want)
	}
	if a := p.post("4e"); a.status != http.StatusBadRequest {
		t.Errorf("a POST after the upgrade was answered %d %q", a.status, a.body)
	}
}
