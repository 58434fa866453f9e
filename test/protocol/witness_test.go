package protocol_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// witness is a second client that must not be affected by the others. It also queries the
// application about them.
type witness struct {
	conn *websocket.Conn

	mu         sync.Mutex
	last       int
	answers    map[string]chan string
	unexpected []string // unexpected messages
	ended      error
}

func newWitness(t *testing.T, addr string) *witness {
	t.Helper()
	conn, rejection := dialWS(t, addr, "/socket.io/?EIO=4&transport=websocket", nil)
	if conn == nil {
		t.Fatalf("the witness is rejected: %+v", rejection)
	}
	w := &witness{conn: conn, answers: map[string]chan string{}}
	readFrame(t, conn)
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("40")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if f := readFrame(t, conn); !strings.HasPrefix(f.text, "40") && !strings.HasPrefix(f.text, `42["auth"`) {
			t.Fatalf("the witness reads %q", f.text)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.read()
	}()
	t.Cleanup(func() { _ = conn.CloseNow(); <-done })
	return w
}

func (w *witness) read() {
	for {
		_, b, err := w.conn.Read(context.Background())
		if err != nil {
			w.mu.Lock()
			w.ended = err
			w.mu.Unlock()
			return
		}
		text := string(b)
		if text == "2" {
			_ = w.conn.Write(context.Background(), websocket.MessageText, []byte("3"))
			continue
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(text, "43"), "[")
		w.mu.Lock()
		answer, asked := w.answers[id]
		delete(w.answers, id)
		if !asked {
			w.unexpected = append(w.unexpected, text)
		}
		w.mu.Unlock()
		if asked {
			answer <- strings.TrimPrefix(text, "43"+id)
		}
	}
}

// ask emits an event with one text and returns the text of the answer.
func (w *witness) ask(t *testing.T, event, text string) string {
	t.Helper()
	answer := make(chan string, 1)
	w.mu.Lock()
	w.last++
	id := fmt.Sprint(w.last)
	w.answers[id] = answer
	w.mu.Unlock()
	q, _ := json.Marshal([]string{event, text})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, "42%s%s", id, q)); err != nil {
		t.Fatalf("the second client is closed: %v", err)
	}
	select {
	case got := <-answer:
		var one []string
		if err := json.Unmarshal([]byte(got), &one); err != nil || len(one) != 1 {
			t.Fatalf("the second client got %s", got)
		}
		return one[0]
	case <-time.After(patience):
		t.Fatalf("the second client has no answer to %s(%q)", event, text)
		return ""
	}
}

// check fails the test unless the witness is served and has received nothing else.
func (w *witness) check(t *testing.T) {
	t.Helper()
	if got := w.ask(t, "message-with-ack", t.Name()); got != t.Name() {
		t.Errorf("the second client's echo: %q", got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil || len(w.unexpected) > 0 {
		t.Errorf("the second client was affected: %v %q", w.ended, w.unexpected)
	}
}
