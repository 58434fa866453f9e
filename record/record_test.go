package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/record"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// platform is one of both.
type platform struct {
	name    string
	adapter func() adapter.Adapter
	dial    func(a *apptest.App, query string, opts ...apptest.DialOption) *apptest.Client
}

var platforms = []platform{
	{"ws", func() adapter.Adapter { return ws.New() }, func(a *apptest.App, query string, opts ...apptest.DialOption) *apptest.Client {
		return a.DialWS("/"+query, opts...)
	}},
	{"socketio", func() adapter.Adapter { return socketio.New() }, func(a *apptest.App, query string, opts ...apptest.DialOption) *apptest.Client {
		return a.DialSocketIO("/"+query, opts...)
	}},
}

func (p platform) option() apptest.Option { return apptest.With(app.WebSockets(p.adapter())) }

// recorded plays a session, and returns the name of the file that was recorded.
func recorded(t *testing.T, p platform, s *shop, o record.Options, play func(a *apptest.App)) string {
	t.Helper()
	var b bytes.Buffer
	r := record.New(&b, o)
	t.Run("record", func(t *testing.T) {
		a := apptest.New(t, s.module(), p.option(), apptest.With(app.Observe(r.Hooks())))
		play(a)
	})
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "session.jsonl")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		t.Logf("%s", b.Bytes())
	}
	return file
}

// failures returns what playing a file reports.
func failures(t *testing.T, file string, play func(t testing.TB)) []string {
	t.Helper()
	var all []string
	t.Run("play", func(t *testing.T) {
		r := &testkit.Recorder{TB: t}
		r.Run(func() { play(r) })
		all = r.Failures()
	})
	for i, text := range all {
		all[i] = strings.TrimPrefix(text, file)
	}
	return all
}

func want(t *testing.T, got []string, texts ...string) {
	t.Helper()
	if len(got) != len(texts) {
		t.Fatalf("reported %q, want %q", got, texts)
	}
	for i, text := range texts {
		if !strings.Contains(got[i], text) {
			t.Errorf("reported %q, want %q", got[i], text)
		}
	}
}

func contents(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// session is what clients do in most tests.
func session(t *testing.T, p platform) func(a *apptest.App) {
	return func(a *apptest.App) {
		ada := p.dial(a, "")
		apptest.Expect[any](ada, "welcome")
		ada.Call("echo", "ready")
		bob := p.dial(a, "?table=4&token=planted-query")
		bob.Call("echo", "ready")
		ada.Emit("watch")
		ada.Call("echo", map[string]any{"a": []int{1, 2}, "b": "⟨x⟩"})
		o := apptest.Call[order](bob, "order", 2)
		apptest.Expect[order](ada, "ordered")
		apptest.Call[order](ada, "status", "order:"+o.ID)
		if e := bob.CallError("order", 0); e.Message != "How many?" {
			t.Errorf("got %v", e)
		}
		bob.Emit("order", -1)
		bob.ExpectMessage("exception")
		ada.OnCall("sure", func(q json.RawMessage) any { return string(q) + "!" })
		ada.Call("confirm", "now")
		bob.Close()
		apptest.Expect[any](ada, "left")
		ada.Emit("close", nil)
		ada.ExpectClose()
	}
}

var varying = record.Options{Vary: []string{"number"}}

// A recorded session plays on a new application, although its ids and times are others.
func TestPlay(t *testing.T) {
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			file := recorded(t, p, &shop{price: 3}, varying, session(t, p))
			for range 3 {
				t.Run("play", func(t *testing.T) {
					player := &record.Player{Connect: func(l *record.Line) []apptest.DialOption {
						l.Query = strings.ReplaceAll(l.Query, "[redacted]", "other")
						return nil
					}}
					player.Play(t, file, (&shop{price: 3}).module(), p.option())
				})
			}
			if text := contents(t, file); t.Failed() || !strings.Contains(text, `"who":"client:⟨c2⟩"`) || !strings.Contains(text, `"order:⟨uuid#1⟩"`) || !strings.Contains(text, `"number":"⟨.number#1⟩"`) {
				t.Error(text)
			}
		})
	}
}

// lineOf returns the number of the first line that has a text.
func lineOf(t *testing.T, file, text string) int {
	t.Helper()
	for i, l := range strings.Split(contents(t, file), "\n") {
		if strings.Contains(l, text) {
			return i + 1
		}
	}
	t.Fatalf("no line has %q:\n%s", text, contents(t, file))
	return 0
}

// A handler that does something else fails at the line of its record.
func TestChangedHandlers(t *testing.T) {
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			file := recorded(t, p, &shop{price: 3}, varying, func(a *apptest.App) {
				c := p.dial(a, "")
				c.Emit("watch")
				c.Call("order", 2)
				c.Call("echo", 1)
			})
			for name, test := range map[string]struct {
				changed *shop
				at      string
				want    string
			}{
				"price":   {&shop{price: 4}, `"k":"event"`, `c1: the event "ordered": /price: got 8, recorded 6`},
				"event":   {&shop{price: 3, extra: "more"}, `"e":"ordered"`, `c1: the event "ordered": got the event "more": 1, recorded the event "ordered": {`},
				"refusal": {&shop{price: 3, refuse: true}, `"k":"connect"`, `c1: `},
				"silence": {&shop{price: 3, silent: true}, `"e":"ordered"`, `c1: not sent the event "ordered"`},
			} {
				t.Run(name, func(t *testing.T) {
					got := failures(t, file, func(t testing.TB) {
						(&record.Player{Timeout: 500 * time.Millisecond}).Play(t, file, test.changed.module(), p.option())
					})
					if name == "refusal" { // on plain WebSocket the client is connected before
						if len(got) != 1 {
							t.Errorf("reported %q", got)
						}
						return
					}
					n := lineOf(t, file, test.at)
					if test.at == `"k":"event"` {
						n = lineOf(t, file, `"e":"ordered"`)
					}
					want(t, got, fmt.Sprintf(":%d: %s", n, test.want))
				})
			}
		})
	}
}

// secretsOf are planted in a session.
var planted = []string{
	"planted-authorization", "planted-cookie", "planted-protocol-token", "planted-query", "planted-access", "planted-code",
	"planted-auth", "planted-payload", "planted-user",
}

// No secret is in a file, also where the application sends it on.
func TestSecrets(t *testing.T) {
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			header := http.Header{
				"Authorization": {"Bearer planted-authorization"}, "Cookie": {"sid=planted-cookie"}, "X-Api-Key": {"planted-header"},
			}
			o := record.Options{Redact: func(l *record.Line) {
				l.Payload = bytes.ReplaceAll(l.Payload, []byte("planted-user"), []byte("user"))
			}}
			opts := []apptest.DialOption{apptest.WithHeader(header), apptest.WithSubprotocols("planted-protocol-token")}
			if p.name == "socketio" {
				opts = append(opts, apptest.WithAuth(map[string]string{"token": "planted-auth"}))
			}
			file := recorded(t, p, &shop{}, o, func(a *apptest.App) {
				c := p.dial(a, "?token=planted-query&Access_Token=planted-access&code=planted-code&table=4", opts...)
				c.Call("echo", planted[:7])
				c.Call("echo", map[string]string{"planted-authorization": "x planted-user y"})
			})
			text := contents(t, file)
			for _, secret := range append(planted[:7:7], "planted-user", "planted-header") {
				if strings.Contains(text, secret) && (secret != "planted-auth" || p.name == "socketio") {
					t.Errorf("%s is in the file", secret)
				}
			}
			if !strings.Contains(text, "table=4") || !strings.Contains(text, `"[redacted]":"x user y"`) {
				t.Error(text)
			}
			// They are put in again.
			player := &record.Player{
				Redact: o.Redact,
				Connect: func(l *record.Line) []apptest.DialOption {
					l.Query = strings.ReplaceAll(l.Query, "[redacted]", "planted-query")
					return opts
				},
				Fill: func(l *record.Line) {
					l.Payload = bytes.ReplaceAll(l.Payload, []byte("[redacted]"), []byte("planted-authorization"))
				},
			}
			player.Play(t, file, (&shop{}).module(), p.option())
			without := failures(t, file, func(t testing.TB) { record.Play(t, file, (&shop{}).module(), p.option()) })
			want(t, without, `has secrets that are not in the file: set it in Player.Connect`)
		})
	}
}

// A gateway with HideCauseData has no payload in a file, in either direction.
func TestHiddenPayloads(t *testing.T) {
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			s := func() *shop { return &shop{price: 1, opts: []websockets.Option{websockets.HideCauseData()}} }
			file := recorded(t, p, s(), record.Options{}, func(a *apptest.App) {
				c := p.dial(a, "")
				c.Call("echo", "planted-payload")
				c.Call("order", 7)
			})
			if text := contents(t, file); strings.Contains(text, "planted-payload") || strings.Contains(text, `"p":`) {
				t.Error(text)
			}
			player := &record.Player{Fill: func(l *record.Line) { l.Payload = []byte(`7`) }}
			player.Play(t, file, s().module(), p.option())
			got := failures(t, file, func(t testing.TB) { record.Play(t, file, s().module(), p.option()) })
			want(t, got, `c1: "echo" of the client is not in the file (payload: the gateway hides what clients send): set it by Player.Fill`)
		})
	}
}

// Clients that were refused are refused again.
func TestRefused(t *testing.T) {
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			s := func(code string) *shop {
				return &shop{admit: func(h *websockets.Handshake) error {
					if h.Request.URL.Query().Get("table") == "" {
						return &websockets.Error{Message: "No table", Code: code, Status: 403}
					}
					return nil
				}}
			}
			file := recorded(t, p, s("table"), record.Options{}, func(a *apptest.App) {
				var err error
				if p.name == "ws" {
					_, err = apptest.TryDialWS(t, a.URL())
				} else {
					_, err = apptest.TryDialSocketIO(t, a.URL())
				}
				if _, ok := errors.AsType[*apptest.DialError](err); !ok {
					t.Errorf("got %v", err)
				}
				p.dial(a, "?table=1").Call("echo", 1)
			})
			record.Play(t, file, s("table").module(), p.option())
			got := failures(t, file, func(t testing.TB) { record.Play(t, file, s("other").module(), p.option()) })
			want(t, got, `:2: c1: refused with the status 403 and the code "other", recorded 403 and "table"`)
			got = failures(t, file, func(t testing.TB) { record.Play(t, file, (&shop{}).module(), p.option()) })
			want(t, got, `:2: c1: connected, recorded a refusal with the status 403`)
		})
	}
}

// What is left out because of a bound is stated in the file.
func TestBounds(t *testing.T) {
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			file := recorded(t, p, &shop{}, record.Options{MaxClients: 1, MaxPayload: 50}, func(a *apptest.App) {
				c := p.dial(a, "")
				c.Call("echo", strings.Repeat("x", 100))
				p.dial(a, "").Call("echo", 1)
				p.dial(a, "").Call("echo", 1)
			})
			text := contents(t, file)
			if strings.Count(text, `"missing":"payload: MaxPayload is 50"`) != 3 || strings.Count(text, `"missing":"further clients: MaxClients is 1"`) != 1 || strings.Contains(text, "c2") {
				t.Error(text)
			}
			file = recorded(t, p, &shop{}, record.Options{MaxBytes: 2000}, func(a *apptest.App) {
				c := p.dial(a, "")
				for i := range 100 {
					c.Call("echo", i)
				}
			})
			text = contents(t, file)
			if !strings.HasSuffix(text, `"missing":"what follows: MaxBytes is 2000"}`+"\n") || len(text) > 2000 || len(text) < 1500 {
				t.Errorf("%d bytes: %s", len(text), text)
			}
			record.Play(t, file, (&shop{}).module(), p.option())
		})
	}
}

// A writer that fails ends the recording.
func TestWriterFails(t *testing.T) {
	broken := errors.New("disk full")
	r := record.New(failing{broken}, record.Options{})
	if err := r.Close(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Binary parts of Socket.IO and several arguments are played as they were sent.
func TestBinary(t *testing.T) {
	p := platforms[1]
	file := recorded(t, p, &shop{}, record.Options{}, func(a *apptest.App) {
		c := p.dial(a, "")
		c.Call("echo", map[string]any{"a": []byte{1, 2}, "b": []any{[]byte{3}}})
		c.Call("echo", 1, []byte{4}, "two")
		c.Call("echo")
	})
	record.Play(t, file, (&shop{}).module(), p.option())
}

// What ran at the same time may end in another order.
func TestParallel(t *testing.T) {
	for _, p := range platforms {
		t.Run(p.name, func(t *testing.T) {
			file := recorded(t, p, &shop{}, record.Options{}, func(a *apptest.App) {
				c := p.dial(a, "")
				var both sync.WaitGroup
				for _, ms := range []int{60, 1, 30} {
					both.Go(func() { _, _ = c.TryCall("slow", ms) })
				}
				both.Wait()
				c.Call("echo", 1)
			})
			for range 5 {
				t.Run("play", func(t *testing.T) { record.Play(t, file, (&shop{}).module(), p.option()) })
			}
		})
	}
}
