package logs_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// unsent returns an error with Details, or a Body, that do not encode.
func unsent(body bool) *websockets.Error {
	e := &websockets.Error{Message: "no", Code: "broken_details"}
	if e.Details = make(chan int); body {
		e.Body, e.Details = make(chan int), map[string]int{"kept": 1}
	}
	return e
}

const (
	detailsLine = "the details of an error do not encode, and are left out"
	bodyLine    = "the body of an error does not encode, and the standard one is sent"
)

// wantLine waits for the one line about an error of unsent, with further texts.
func wantLine(t *testing.T, log *testkit.Log, body bool, texts ...string) {
	t.Helper()
	line := detailsLine
	if body {
		line = bodyLine
	}
	testkit.Eventually(t, "the log line", func() bool {
		return len(log.Lines(append(texts, "level=WARN", line, "code=broken_details", "chan int")...)) == 1
	})
}

// TestField_X39_DetailsOfErrors: Details of an error that do not encode are left out, and the log says so; so it is for a Body, in
// place of which the standard one is sent.
func TestField_X39_DetailsOfErrors(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			for _, body := range []bool{false, true} {
				var log testkit.Log
				s := stage.New(t, platform, stage.App(app.Logger(log.Logger(slog.LevelInfo))), stage.Handle(
					websockets.Listen("fail", func(context.Context, int) error { return unsent(body) })))
				p := connect(t, name, s.Addr)
				send(p, name, "fail", "1")
				wantLine(t, &log, body, "event=fail")
			}
		})
	}
}

// TestField_X39_Handshakes: Details of an error of a guard, Admit or AllowRequest that do not encode were left out of the answer to a
// handshake without a line in the log; it has one.
func TestField_X39_Handshakes(t *testing.T) {
	for name, platform := range platforms() {
		t.Run(name, func(t *testing.T) {
			for _, body := range []bool{false, true} {
				var log testkit.Log
				s := stage.New(t, platform, stage.App(app.Logger(log.Logger(slog.LevelInfo))), stage.Gateway(
					websockets.Admit(func(context.Context, *websockets.Handshake) error { return unsent(body) })))
				var got string
				if name == "ws" {
					got = refused(t, s.Addr, "/")
				} else {
					w := rawpeer.NewEngine(t, s.Addr).WebSocket()
					w.Send("40")
					got = w.Text()
				}
				if !strings.Contains(got, `"code":"broken_details"`) || strings.Contains(got, "details\":{") != body {
					t.Errorf("the client gets %s", got)
				}
				wantLine(t, &log, body, "pattern=/")
			}
		})
	}
	t.Run("AllowRequest", func(t *testing.T) {
		var log testkit.Log
		refuse := func(*http.Request) error { return unsent(false) }
		s := stage.New(t, socketio.New(socketio.Options{AllowRequest: refuse}), stage.App(app.Logger(log.Logger(slog.LevelInfo))))
		if got := refused(t, s.Addr, "/socket.io/?EIO=4&transport=websocket"); !strings.Contains(got, `"code":"broken_details"`) {
			t.Errorf("the client gets %s", got)
		}
		wantLine(t, &log, false, "option=AllowRequest")
	})
}

// refused returns the body of the answer to a refused handshake.
func refused(t *testing.T, addr, target string) string {
	t.Helper()
	p := rawpeer.Dial(t, addr)
	defer p.Close()
	p.Write(rawpeer.Upgrade(target))
	a := p.Answer()
	if a.Status != http.StatusForbidden {
		t.Errorf("status %d", a.Status)
	}
	return a.Body
}

// failing has routes that fail.
type failing struct{}

func newFailing() failing { return failing{} }

func (failing) Routes(r chi.Router) {
	r.Get("/details", web.JSON(func(context.Context, struct{}) (int, error) { return 0, unsent(false) }))
	r.Get("/body", web.Handle(func(http.ResponseWriter, *http.Request) error { return unsent(true) }))
	web.Use(r, web.UseGuards(func(context.Context, *pipeline.Call) error { return unsent(false) })).
		Get("/guard", func(http.ResponseWriter, *http.Request) {})
}

// TestField_X39_Routes: Details of an error of a route or its guard that do not encode are left out, and the log says so, in the words
// that it has for messages, with the code and the pattern.
func TestField_X39_Routes(t *testing.T) {
	for path, body := range map[string]bool{"/details": false, "/body": true, "/guard": false} {
		var log testkit.Log
		a := apptest.New(t, module.New("failing", module.Controllers(newFailing)), apptest.With(app.Logger(log.Logger(slog.LevelInfo))))
		p := rawpeer.Dial(t, strings.TrimPrefix(a.URL(), "http://"))
		p.Write(rawpeer.Request(http.MethodGet, path) + "\r\n")
		if got := p.Answer().Body; !strings.Contains(got, `"code":"broken_details"`) || strings.Contains(got, "details\":{") != body {
			t.Errorf("%s: the client gets %s", path, got)
		}
		wantLine(t, &log, body, "GET "+path)
		p.Close()
	}
}
