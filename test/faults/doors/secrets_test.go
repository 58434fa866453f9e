package doors_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFault_V36_NoSecretsInLogs: Neither the query string of a handshake nor its Authorization, Cookie or
// subprotocols are in the log at any level, whether it is served, refused, malformed, or causes a panic; the library
// has no access log and no tracing that could contain them.
func TestFault_V36_NoSecretsInLogs(t *testing.T) {
	const mark = "s3cr3t-t0k3n"
	guard := handshakeGuard(func(_ context.Context, c *pipeline.Call) error {
		switch c.Request.Header.Get("X-Guard") {
		case "deny":
			return &websockets.Error{Message: "No", Status: 401}
		case "fail":
			return errors.New("the keys cannot be had")
		case "panic":
			panic("at the handshake")
		}
		return nil
	})
	onOpen := stage.OnConnect(func(_ context.Context, c websockets.Client) error {
		switch c.Request().Header.Get("X-Open") {
		case "refuse":
			return &websockets.Error{Message: "Not today"}
		case "fail":
			return errors.New("the table is full")
		case "panic":
			panic("in HandleConnection")
		}
		return nil
	})
	opts := []stage.Option{stage.App(app.UseGuards(guard)), onOpen, stage.Handle(
		websockets.On("panic", func(context.Context, struct{}) (int, error) { panic("in a handler") }),
		websockets.On("fail", func(context.Context, struct{}) (int, error) { return 0, errors.New("no table") }),
	)}
	tokens := []string{
		"Authorization: Bearer " + mark, "Cookie: token=" + mark, "Sec-WebSocket-Protocol: bearer, " + mark, "X-Api-Key: " + mark,
	}
	eachEndpoint(t, opts, func(t *testing.T, d *endpoint) {
		sep := "?"
		if d.name != plain {
			sep = "&"
		}
		query := "token=" + mark + "&access_token=" + mark
		d.target += sep + query
		for _, more := range [][]string{
			nil, {"Origin: https://evil.example"}, {"Origin: null"}, {"X-Guard: deny"}, {"X-Guard: fail"}, {"X-Guard: panic"},
			{"Sec-WebSocket-Version: 8"}, {"Sec-WebSocket-Key: " + mark}, {"Upgrade"}, {"Content-Length: 5"}, {"Host: " + mark + " x"},
			{"Sec-WebSocket-Extensions: " + mark}, {mark + "\x00: x"}, {"Transfer-Encoding: " + mark},
		} {
			_, _ = d.try(d.request(append(tokens, more...)...))
		}
		for _, target := range []string{ // net/http has texts of its own for some of these
			d.target + ";semicolon=" + mark, d.target + "%zz", "/nowhere?" + query, "/socket.io/nowhere?" + query, "//" + mark + "@host/", d.target + "&transport=x",
			strings.Replace(d.target, "EIO=4", "EIO="+mark, 1), strings.Replace(d.target, "EIO=4", "EIO=4&sid="+mark, 1),
		} {
			_, _ = d.try(rawpeer.Request(http.MethodGet, target, tokens...) + "\r\n")
			_, _ = d.try(rawpeer.Upgrade(target, tokens...))
		}
		for _, open := range []string{"", "refuse", "fail", "panic"} {
			d.visit(append(tokens, "X-Open: "+open))
		}
		d.WantGone(4)
		log := d.Log.String()
		if i := strings.Index(log, mark); i >= 0 {
			t.Errorf("the log has %q", log[max(0, i-200):i+len(mark)])
		}
		for _, want := range []string{"at the handshake", "in HandleConnection", "in a handler", "keys cannot be had"} {
			if !strings.Contains(log, want) { // otherwise the test looks at the wrong place
				t.Errorf("%q was not logged", want)
			}
		}
	})
}

// visit connects, makes handlers fail, violates the protocol, and disconnects.
func (d *endpoint) visit(lines []string) {
	d.t.Helper()
	if d.name == plain {
		p := rawpeer.Open(d.t, d.Addr, d.target, rawpeer.WithLines(lines...))
		_ = p.TrySend(`{"event":"panic","id":1}`)
		_ = p.TrySend(`{"event":"fail","id":2}`)
		_ = p.TrySend(`{"event":"unknown","id":3}`)
		for text, err := p.TryText(); err == nil && !strings.Contains(text, `"id":3`); text, err = p.TryText() { // or the connection ends
			continue
		}
		_ = p.TryWrite("\xff\xff\xff")
		p.WantEnd()
		return
	}
	e := rawpeer.NewEngine(d.t, d.Addr)
	e.Target, _, _ = strings.Cut(d.target, "?")
	e.Lines = lines
	if d.polling {
		p := e.Poll()
		p.Send("40")
		p.Read()
		for _, packet := range []string{`421["panic"]`, `422["fail"]`, `423["unknown"]`, "4x"} {
			_, _ = e.TryDo(p.PostBytes(packet))
		}
		p.Abort()
		return
	}
	w := e.WebSocket()
	w.Send("40")
	w.Text() // an event before it would violate the protocol
	for _, packet := range []string{`421["panic"]`, `422["fail"]`, `423["unknown"]`} {
		_ = w.TrySend(packet)
	}
	for text, err := w.TryText(); err == nil && !strings.HasPrefix(text, "433") && text != "41"; text, err = w.TryText() {
		continue
	}
	_ = w.TryWrite("\xff\xff\xff")
	w.WantEnd()
}
