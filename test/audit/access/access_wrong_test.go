package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var errDatabase = errors.New("the database is unavailable")

// brittle is a type whose own decoding panics.
type brittle struct{}

func (*brittle) UnmarshalJSON([]byte) error { panic("of the type") }

// unsendable is a result that cannot be encoded.
type unsendable struct{}

func (unsendable) MarshalJSON() ([]byte, error) { return nil, errDatabase }

func guarded(err error) websockets.Enhancement {
	return websockets.UseGuards(pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Kind == pipeline.KindMessage {
			return err
		}
		return nil
	}))
}

func piped(f func() error) websockets.Enhancement {
	return websockets.UsePipes(pipeline.PipeFunc(func(context.Context, *pipeline.Call, any) error { return f() }))
}

// TestAudit_WhoseFaultItIs: what guards, pipes, filters, types and handlers do decides whether 60 messages end the
// connection: refusals and bad payloads do, and errors of the server do not, whatever text the client gets.
func TestAudit_WhoseFaultItIs(t *testing.T) {
	status := func(code int) error { return &pipeline.Error{Message: "no", Status: code} }
	type in struct {
		N int `json:"n"`
	}
	ok := func(context.Context, in) (int, error) { return 1, nil }
	masked := websockets.UseFilters(pipeline.FilterIs(errDatabase, &pipeline.Error{Message: "Bad luck", Status: http.StatusBadRequest}))
	subs := map[string]websockets.Subscription{}
	add := func(name string, s func(name string) websockets.Subscription) { subs[name] = s(name) }
	for code, counts := range map[int]bool{401: true, 403: true, 404: true, 409: true, 429: true, 500: false, 502: false, 503: false, 504: false} {
		name := fmt.Sprintf("guard %d, counts %t", code, counts)
		add(name, func(n string) websockets.Subscription { return websockets.On(n, ok, guarded(status(code))) })
		add("wrapped "+name, func(n string) websockets.Subscription {
			return websockets.On(n, ok, guarded(fmt.Errorf("more: %w", status(code))))
		})
		add(fmt.Sprintf("handler %d, counts false", code), func(n string) websockets.Subscription {
			return websockets.On(n, func(context.Context, in) (int, error) { return 0, status(code) })
		})
	}
	maps.Copy(subs, map[string]websockets.Subscription{
		"guard masked, counts false":                    websockets.On("guard masked, counts false", ok, guarded(errDatabase)),
		"guard masked as 400 by a filter, counts false": websockets.On("guard masked as 400 by a filter, counts false", ok, guarded(errDatabase), masked),
		"guard late, counts false":                      websockets.On("guard late, counts false", ok, guarded(context.DeadlineExceeded)),
		"guard panics, counts false": websockets.On("guard panics, counts false", ok, websockets.UseGuards(pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
			if c.Kind == pipeline.KindMessage {
				panic("of the guard")
			}
			return nil
		}))),
		"pipe invalid, counts true": websockets.On("pipe invalid, counts true", ok, piped(func() error {
			return pipeline.Invalid(pipeline.Violation{Field: "n", Rule: "max", Message: "is too large"})
		})),
		"pipe masked, counts false":     websockets.On("pipe masked, counts false", ok, piped(func() error { return errDatabase })),
		"pipe panics, counts false":     websockets.On("pipe panics, counts false", ok, piped(func() error { panic("of the pipe") })),
		"decoding panics, counts false": websockets.On("decoding panics, counts false", func(context.Context, brittle) (int, error) { return 1, nil }),
		"does not encode, counts false": websockets.On("does not encode, counts false", func(context.Context, in) (unsendable, error) { return unsendable{}, nil }),
		"handler panics, counts false":  websockets.On("handler panics, counts false", func(context.Context, in) (int, error) { panic("of the handler") }),
		"does not decode, counts true":  websockets.On("does not decode, counts true", func(context.Context, []int) (int, error) { return 1, nil }),
	})
	var all []websockets.Subscription
	for _, s := range subs {
		all = append(all, s)
	}
	run := func(t *testing.T, s *stage.Stage, dial func() (send func(event string) bool, ended func() bool)) {
		t.Helper()
		for name := range subs {
			send, ended := dial()
			for range 60 {
				if !send(name) {
					break
				}
			}
			if got, want := ended(), strings.HasSuffix(name, "counts true"); got != want {
				t.Errorf("%s: it is closed: %t", name, got)
			}
		}
	}
	each(t, "60 times", []way{
		{Name: "ws", Adapter: ways.PlainWS}, socketIO[0], upgraded, socketIO[3],
	}, func(t *testing.T, w way) {
		s := w.Stage(t, stage.Handle(all...))
		run(t, s, func() (func(string) bool, func() bool) {
			if w.Name == "ws" {
				p := rawpeer.Open(t, s.Addr, "/")
				return func(e string) bool { return p.TrySend(fmt.Sprintf(`{"event":%q,"data":{"n":1}}`, e)) == nil }, func() bool {
					_ = p.TrySend(`{"event":"echo","data":"last","id":99}`)
					for {
						got, err := p.Next()
						if err != nil || got.First == rawpeer.Fin|rawpeer.OpClose {
							p.Close()
							return true
						}
						if strings.HasPrefix(got.Payload, `{"id":99`) {
							p.Close()
							return false
						}
					}
				}
			}
			l := w.Dial(t, s)
			l.Send("40")
			l.Want("40")
			return func(e string) bool { return l.Send(fmt.Sprintf(`42[%q,{"n":1}]`, e)) }, func() bool {
				l.Send(`4299["echo","last"]`)
				_, in := l.ReadTo("4399")
				l.Leave()
				return !in
			}
		})
	})
}

// TestAudit_EventNames: the name of an event has 256 bytes at most, counted in UTF-8 and not in its escaped form,
// with any parser; a longer one is answered with an error, and does not end the connection.
func TestAudit_EventNames(t *testing.T) {
	names := map[string]bool{
		strings.Repeat("n", 256):           true,
		strings.Repeat("n", 257):           false,
		strings.Repeat("ü", 128):           true,
		strings.Repeat("ü", 128) + "n":     false,
		strings.Repeat("😀", 64):            true,
		strings.Repeat("😀", 63) + "nnnnn":  false,
		strings.Repeat("\u2028", 85) + "n": true,
		strings.Repeat("\x01", 256):        true,
		strings.Repeat("\"", 256):          true,
		strings.Repeat("\\", 257):          false,
		strings.Repeat("n", 100_000):       false,
	}
	each(t, "names", append([]way{{Name: "ws", Adapter: ways.PlainWS}}, socketIO...), func(t *testing.T, w way) {
		s := w.Stage(t)
		for name, fits := range names {
			quoted := quote(name)
			var got string
			if w.Name == "ws" {
				p := rawpeer.Open(t, s.Addr, "/")
				p.Send(`{"event":` + quoted + `,"data":1,"id":7}`)
				got = p.Text()
				p.Send(`{"event":"echo","data":"alive","id":8}`)
				for !strings.HasPrefix(p.Text(), `{"id":8`) {
				}
				p.Close()
			} else {
				l := w.Dial(t, s)
				l.Send("40")
				l.Want("40")
				l.Send(`427[` + quoted + `,1]`)
				got = l.Want("437")
				l.Send(`428["echo","alive"]`)
				l.Want("438")
				l.Leave()
			}
			long := strings.Contains(got, "longer than 256 bytes")
			if long == fits || len(got) > 2000 {
				t.Errorf("%d bytes %.20q: answered %.200s", len(name), name, got)
			}
		}
	})
}

// quote encodes a text as JSON.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}
