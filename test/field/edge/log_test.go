package edge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The limits of the log: lines of one cause in a second, and bytes of a line.
const (
	perSecond = 10
	maxLine   = 2048
)

// wantSampled checks the log after n equal events within a duration: lines with the message, limited in number and
// length, and counts of all dropped lines.
func wantSampled(t *testing.T, log *testkit.Log, message string, n int, took time.Duration) {
	t.Helper()
	lines, left := 0, 0
	for line := range strings.Lines(log.String()) {
		if len(line) > maxLine {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
		switch {
		case strings.Contains(line, "log lines dropped") && strings.Contains(line, `of="`+message+`"`):
			_, count, _ := strings.Cut(line, " lines=")
			k, err := strconv.Atoi(strings.TrimSpace(count))
			if err != nil {
				t.Error(err)
			}
			left += k
		case strings.Contains(line, `msg="`+message+`"`):
			lines++
		}
	}
	if most := perSecond * (int(took/time.Second) + 2); lines > most || lines == 0 {
		t.Errorf("%d lines in %v, want at most %d", lines, took, most)
	}
	if lines+left != n {
		t.Errorf("%d lines and %d left out, want %d in all", lines, left, n)
	}
}

// TestField_X25_MessagesThatFail: A client whose every message fails its handler, by an error as long as the message
// or by a panic, writes 10 lines a second of at most 2 KB; the log then has the number of dropped lines.
func TestField_X25_MessagesThatFail(t *testing.T) {
	for kind, fail := range map[string]func(string) error{
		"error": func(in string) error { return fmt.Errorf("cannot handle %s", in) },
		"panic": func(in string) error {
			list := make([]int, 1)
			list[len(in)]++
			return nil
		},
		"panic with what was sent": func(in string) error { panic(in) },
	} {
		t.Run(kind, func(t *testing.T) {
			var handled atomic.Int64
			opts := stage.Handle(websockets.Listen("fail", func(_ context.Context, in string) error {
				defer handled.Add(1)
				return fail(in)
			}))
			ways(t, []stage.Option{opts}, func(t *testing.T, d *way) {
				n := 20_000
				if kind != "error" || strings.Contains(d.name, "polling") || d.name == "zishang" {
					n = 2_000
				}
				handled.Store(0)
				started := time.Now()
				d.flood(n, "fail", strings.Repeat("\\u0007\\\"x", 40))
				d.Wait("all have failed", func() bool { return handled.Load() == int64(n) })
				took := time.Since(started)
				d.stop()
				wantSampled(t, d.Log, "gateway failed", n, took)
			})
		})
	}
}

// TestField_X25_NamesOfTheClient: Names that a client chooses, those of events that a Fallback handles, of namespaces by a
// pattern and of methods of HTTP, do not make its log lines different: all messages that fail write 10 lines a second, and
// so do all namespaces whose guard fails, and all requests.
func TestField_X25_NamesOfTheClient(t *testing.T) {
	const n = 400
	var handled atomic.Int64
	fallback := stage.Handle(websockets.Fallback(func(context.Context, string, websockets.Payload) (int, error) {
		handled.Add(1)
		return 0, io.ErrUnexpectedEOF
	}))
	ways(t, []stage.Option{fallback}, func(t *testing.T, d *way) {
		handled.Store(0)
		started := time.Now()
		for i := range n {
			d.flood(1, "event"+strconv.Itoa(i), "x")
		}
		d.Wait("all have failed", func() bool { return handled.Load() == n })
		took := time.Since(started)
		d.stop()
		wantSampled(t, d.Log, "gateway failed", n, took)
	}, plain, socket)
	failing := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Kind != pipeline.KindConnect {
			return nil
		}
		handled.Add(1)
		return io.ErrUnexpectedEOF
	})
	opts := []stage.Option{stage.Gateway(websockets.Namespace("/rooms/{room}")), stage.App(app.UseGuards(failing))}
	ways(t, opts, func(t *testing.T, d *way) {
		handled.Store(0)
		started := time.Now()
		for i := range n {
			w := rawpeer.NewEngine(d.t, d.Addr).WebSocket()
			w.Send("40/rooms/" + strconv.Itoa(i) + ",")
			w.Read()
			w.Close()
		}
		d.Wait("all have failed", func() bool { return handled.Load() == n })
		took := time.Since(started)
		d.stop()
		wantSampled(t, d.Log, "a check before the handshake failed", n, took)
	}, socket, "zishang")
	t.Run("http", func(t *testing.T) {
		log := &testkit.Log{}
		a := apptest.New(t, module.New("failing", module.Exports(web.Controller(newFailing))), apptest.With(app.Logger(loggerTo(log))))
		started := time.Now()
		p := rawpeer.Dial(t, a.URL())
		for i := range n {
			p.Write(rawpeer.Request("METHOD"+strconv.Itoa(i), "/error") + "\r\n")
			if got := p.Answer(); got.Status != http.StatusInternalServerError {
				t.Fatalf("answered %d %s", got.Status, got.Body)
			}
		}
		_ = a.App().Stop(context.Background())
		wantSampled(t, log, "request failed", n, time.Since(started))
	})
}

// flood sends n events with a string, and discards the answers.
func (d *way) flood(n int, event, text string) {
	d.t.Helper()
	if d.name == plain || d.name == "compressed ws" {
		p := rawpeer.Open(d.t, d.Addr, d.target)
		go func() { _, _ = io.Copy(io.Discard, p.R) }()
		for range n {
			p.Send(`{"event":"` + event + `","data":"` + text + `"}`)
		}
		return
	}
	packet := `42["` + event + `","` + text + `"]`
	e := rawpeer.NewEngine(d.t, d.Addr)
	if !d.polling {
		w := e.WebSocket()
		rawpeer.Enter(d.t, w, "/", "")
		go func() { _, _ = io.Copy(io.Discard, w.R) }()
		for range n {
			w.Send(packet)
		}
		return
	}
	p := e.Poll()
	rawpeer.Enter(d.t, p, "/", "")
	const batch = 100
	for range n / batch {
		p.Send(strings.TrimSuffix(strings.Repeat(packet+"\x1e", batch), "\x1e"))
		if a := p.Get(); a.Status != http.StatusOK {
			d.t.Fatalf("a poll was answered %d %s", a.Status, a.Body)
		}
	}
	go func() { // otherwise the rest would wait until its answers are read
		for {
			if a, err := e.TryDo(p.GetBytes()); err != nil || a.Status != http.StatusOK {
				return
			}
		}
	}()
}

// stop stops the application, after which the log is complete.
func (d *way) stop() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	_ = d.App.App().Stop(ctx)
}

// TestField_X25_HandshakesThatFail: Handshakes whose guard fails, and connections that HandleConnection refuses with
// an error of its own, write 10 lines a second of at most 2 KB; the log then has the number of dropped lines.
func TestField_X25_HandshakesThatFail(t *testing.T) {
	const n = 60
	failing := errors.New("no database " + strings.Repeat("x", 5000))
	guard := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Kind == pipeline.KindMessage {
			return nil
		}
		return failing
	})
	ways(t, []stage.Option{stage.App(app.UseGuards(handshakes{guard}))}, func(t *testing.T, d *way) {
		started := time.Now()
		for range n {
			if c := d.open("Cookie: " + strings.Repeat("c", 5000)); c.Status != http.StatusInternalServerError {
				t.Fatalf("answered %d %s", c.Status, c.Body)
			}
		}
		d.stop()
		wantSampled(t, d.Log, "a check before the handshake failed", n, time.Since(started))
	})
	var failed atomic.Int64
	connect := stage.OnConnect(func(context.Context, websockets.Client) error { failed.Add(1); return failing })
	ways(t, []stage.Option{connect}, func(t *testing.T, d *way) {
		failed.Store(0)
		started := time.Now()
		for range n {
			d.enter()
		}
		d.Wait("all have failed", func() bool { return failed.Load() == n })
		d.WantGone(n)
		d.stop()
		wantSampled(t, d.Log, "gateway failed", n, time.Since(started))
	})
}

// enter connects a client without waiting for the answer.
func (d *way) enter() {
	d.t.Helper()
	c := d.want()
	switch {
	case d.name == plain || d.name == "compressed ws":
	case d.polling:
		(&rawpeer.Poller{Engine: rawpeer.NewEngine(d.t, d.Addr), SID: c.sid}).Send("40")
	default:
		c.peer.Send("40")
	}
}

// failing is a controller whose routes fail.
type failing struct{}

func newFailing() *failing { return &failing{} }

func (*failing) Routes(r chi.Router) {
	r.Get("/error", web.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		return errors.New(r.URL.RawQuery)
	}))
	r.MethodNotAllowed(web.Handle(func(http.ResponseWriter, *http.Request) error { return io.ErrUnexpectedEOF }))
	r.Get("/panic", func(_ http.ResponseWriter, r *http.Request) { panic(r.URL.RawQuery) })
	r.With(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { panic(r.URL.RawQuery) })
	}).Get("/middleware", func(http.ResponseWriter, *http.Request) {})
}

// TestField_X25_RequestsThatFail: HTTP routes that fail, panic, or whose middleware panics, write 10 lines a second
// of at most 2 KB; the log then has the number of dropped lines.
func TestField_X25_RequestsThatFail(t *testing.T) {
	for path, message := range map[string]string{"/error": "request failed", "/panic": "request failed", "/middleware": "panic in middleware"} {
		t.Run(path, func(t *testing.T) {
			log := &testkit.Log{}
			a := apptest.New(t, module.New("failing", module.Exports(web.Controller(newFailing))), apptest.With(app.Logger(loggerTo(log))))
			const n = 100
			started := time.Now()
			p := rawpeer.Dial(t, a.URL())
			for range n {
				p.Write(rawpeer.Request(http.MethodGet, path+"?"+strings.Repeat("%07", 3000)) + "\r\n")
				if got := p.Answer(); got.Status != http.StatusInternalServerError {
					t.Fatalf("answered %d %s", got.Status, got.Body)
				}
			}
			_ = a.App().Stop(context.Background())
			wantSampled(t, log, message, n, time.Since(started))
		})
	}
}

// TestLogLines: app.LogLines sets the number of lines of one cause per second.
func TestLogLines(t *testing.T) {
	for limit, want := range map[int]int{-1: 200, 2: 0} {
		var handled atomic.Int64
		fail := websockets.Listen("fail", func(context.Context, string) error { handled.Add(1); return io.ErrUnexpectedEOF })
		ways(t, []stage.Option{stage.Handle(fail), stage.App(app.LogLines(limit))}, func(t *testing.T, d *way) {
			started := time.Now()
			d.flood(200, "fail", "x")
			d.Wait("all have failed", func() bool { return handled.Load() == 200 })
			took := time.Since(started)
			d.stop()
			got := strings.Count(d.Log.String(), `msg="gateway failed"`)
			if limit < 0 && got != want || limit > 0 && got > limit*(int(took/time.Second)+2) {
				t.Errorf("%d lines with LogLines(%d)", got, limit)
			}
		}, plain)
	}
}
