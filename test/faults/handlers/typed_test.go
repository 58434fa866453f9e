package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// reading is a result of plain fields, which is encoded into the frame.
type reading struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	More  *talking `json:"more,omitempty"`
	Parts []int    `json:"parts"`
}

// talking panics when it is encoded with a text.
type talking struct{ Text string }

func (v *talking) MarshalJSON() ([]byte, error) {
	switch v.Text {
	case "panic":
		panic("it panics, as the test wants it")
	case "error":
		return nil, errors.New("no words")
	}
	return []byte(`"` + v.Text + `"`), nil
}

func noRoute(http.ResponseWriter, *http.Request) {}

// Results of plain types are encoded into the frame that is sent. One that does not encode is an error of its message alone.
func TestTypedResultDoesNotEncode(t *testing.T) {
	onEach(t, func(t *testing.T, p platform) {
		h := &hooks{subs: []websockets.Subscription{
			websockets.On("read", func(_ context.Context, r reading) (reading, error) {
				if r.Name == "not a number" {
					r.Value = math.NaN()
				}
				return r, nil
			}),
			websockets.On("talk", func(_ context.Context, text string) (reading, error) {
				return reading{Name: text, More: &talking{text}}, nil
			}),
			websockets.On("infinity", func(context.Context, int) (float64, error) { return math.Inf(1), nil }),
		}}
		a, log := serving(t, p, h, noRoute)
		c := p.enter(t, a)
		for range 3 {
			for event, in := range map[string]any{"read": reading{Name: "not a number"}, "infinity": 1} {
				if e := c.CallError(event, in); e.Message != internal {
					t.Errorf("%s: the client gets %+v", event, e)
				}
			}
			for _, text := range []string{"panic", "error"} {
				if e := c.CallError("talk", text); e.Message != internal {
					t.Errorf("talk %s: the client gets %+v", text, e)
				}
			}
			if got := apptest.Call[reading](c, "read", reading{Name: "fine", Value: 1.5, Parts: []int{1, 2}}); got.Name != "fine" || got.Value != 1.5 || len(got.Parts) != 2 {
				t.Errorf("got %+v", got)
			}
			if got := apptest.Call[map[string]any](c, "talk", "hello"); got["more"] != "hello" {
				t.Errorf("got %v", got)
			}
		}
		if n := len(log.Lines("level=ERROR")); n != 12 {
			t.Errorf("%d errors in the log, want 12", n)
		}
	})
}

// Memory that is reused between messages shows no client the content of another message: not where a payload leaves fields out,
// not for sizes that come one after another, and not at any other client.
func TestTypedResultsAreTheirOwn(t *testing.T) {
	onEach(t, func(t *testing.T, p platform) {
		h := &hooks{subs: []websockets.Subscription{
			websockets.On("read", func(_ context.Context, r reading) (reading, error) { return r, nil }),
			websockets.On("check", func(_ context.Context, r reading) (string, error) {
				if r.Name == "" {
					return "", websockets.NewError("no name")
				}
				return r.Name, nil
			}),
		}}
		a, _ := serving(t, p, h, noRoute)
		var all sync.WaitGroup
		for n := range 8 {
			c := p.enter(t, a)
			all.Go(func() {
				for i := range 40 {
					text := strings.Repeat(string(rune('a'+n)), []int{0, 10, 5_000, 100, 70_000}[i%5])
					want := reading{Name: fmt.Sprint(n, " ", i, text), Parts: []int{n, i}}
					if got := apptest.Call[reading](c, "read", want); got.Name != want.Name || fmt.Sprint(got.Parts) != fmt.Sprint(want.Parts) {
						t.Errorf("got %.100q %v, want %.100q %v", got.Name, got.Parts, want.Name, want.Parts)
					}
					if got := apptest.Call[reading](c, "read", map[string]int{"value": i}); got.Name != "" || len(got.Parts) > 0 || got.Value != float64(i) {
						t.Errorf("fields that were left out are %+v", got)
					}
					if e := c.CallError("check", struct{}{}); e.Message != "no name" {
						t.Errorf("got %+v", e)
					}
				}
			})
		}
		all.Wait()
	})
}
