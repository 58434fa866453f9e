package client

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// FuzzReceive: whatever the server sends, each request ends once.
func FuzzReceive(f *testing.F) {
	for _, text := range []string{
		"{\"id\":1,\"data\":5}\n{\"id\":1}\n{\"event\":\"tick\",\"data\":1,\"re\":2}\n{\"id\":2}",
		"{\"event\":\"exception\",\"id\":3,\"data\":{\"message\":\"no\",\"code\":\"c\"}}\n{\"event\":\"exception\",\"data\":5}",
		"{\"event\":\"tick\",\"re\":1}\n{\"event\":\"tick\",\"re\":2}\n{\"event\":\"tick\",\"re\":2}\n{\"event\":\"tick\",\"re\":2}",
		"{\"event\":\"ask\",\"id\":\"x\",\"data\":1}\n{\"event\":\"ask\",\"id\":1}\n{\"event\":\"said\"}",
		"{\"event\":\"shutdown\",\"data\":{\"retryAfter\":99999999999999999}}\n{\"id\":1.0}\n{\"id\":\"2\"}\n{\"id\":-3}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := New("ws://fuzz", Options{Logger: slog.New(slog.DiscardHandler), Limits: Limits{Items: 2, Answering: 3}})
		if err != nil {
			t.Fatal(err)
		}
		handled := 0
		On(c, websockets.NewEvent[int]("said"), func(context.Context, int) error { handled++; return nil })
		Answer(c, websockets.NewCall[int, int]("ask"), func(_ context.Context, n int) (int, error) { return n, nil })
		l := newLink(c)
		l.speak(plain)
		c.link, c.state, l.stage = l, Open, ready
		var all []*request
		for id := range uint64(4) {
			r := &request{id: id + 1, link: l}
			if r.id == 2 {
				r.items = newItems(c.opts.Limits)
			} else {
				r.result = make(chan result, 1)
			}
			l.sent[r.id] = r
			all = append(all, r)
		}
		c.unanswered = len(all)
		for i, line := range bytes.Split(b, []byte{'\n'}) {
			if i == 100 {
				break
			}
			if l.handle(line) != nil {
				break
			}
		}
		c.all.Wait()
		l.lost(errors.New("the end"), false)
		if c.unanswered != 0 || c.answering != 0 || l.urgent.n != 0 || l.urgent.bytes != 0 {
			t.Errorf("%d requests, %d calls and %d messages are left", c.unanswered, c.answering, l.urgent.n)
		}
		for _, r := range all {
			if r.items != nil {
				n := 0
				for _, what, _ := r.items.pop(); what == anItem; _, what, _ = r.items.pop() {
					n++
				}
				if _, what, _ := r.items.pop(); what != theEnd || n > 2 {
					t.Errorf("the stream has not ended, or %d items", n)
				}
				continue
			}
			select {
			case <-r.result:
			default:
				t.Errorf("request %d has not ended", r.id)
			}
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
