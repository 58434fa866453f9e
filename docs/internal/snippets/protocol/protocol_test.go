package protocol

import (
	"context"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// TestExamples plays each example of docs/protocol.md on a connection of its own.
func TestExamples(t *testing.T) {
	page, err := os.ReadFile("../../../protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?ms)^```\n((?:→|offer) .*?)^```$").FindAllStringSubmatch(string(page), -1)
	if len(examples) < 10 {
		t.Fatalf("%d examples were found", len(examples))
	}
	for _, e := range examples {
		t.Run(strings.SplitN(e[1], "\n", 2)[0], func(t *testing.T) { play(t, e[1]) })
	}
}

// play sends and expects the frames of an example.
func play(t *testing.T, example string) {
	t.Helper()
	stop := make(chan struct{}, 1)
	a := apptest.New(t, newModule(func() { stop <- struct{}{} }), apptest.With(app.WebSockets(ws.New(ws.Options{ExplainRefusals: ws.On})), app.DrainRate(50)))
	if strings.Contains(example, "shutdown") {
		a.DialWS("/") // at a stop with several clients each is sent when to connect again
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	url, opts := a.URL(), &websocket.DialOptions{}
	if first, rest, _ := strings.Cut(example, "\n"); strings.HasPrefix(first, "offer ") {
		offer, path, _ := strings.Cut(strings.TrimPrefix(first, "offer "), " at ")
		url, opts.Subprotocols, example = url+path, []string{offer}, rest
	}
	conn, _, err := websocket.Dial(ctx, url, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	for line := range strings.Lines(example) {
		line = strings.TrimSpace(line)
		if sent, ok := strings.CutPrefix(line, "→ "); ok {
			if err := conn.Write(ctx, websocket.MessageText, []byte(sent)); err != nil {
				t.Fatal(err)
			}
			if sent == `{"event":"stop"}` {
				testkit.Receive(t, "the event stop", stop)
				stopped := make(chan error, 1)
				go func() { stopped <- a.App().Stop(ctx) }()
				defer func() {
					if err := <-stopped; err != nil {
						t.Error(err)
					}
				}()
			}
			continue
		}
		want, ok := strings.CutPrefix(line, "← ")
		if !ok {
			t.Fatalf("a line that is neither → nor ←: %s", line)
		}
		kind, got, err := conn.Read(ctx)
		if code, closes := strings.CutPrefix(want, "close "); closes {
			if n, _ := strconv.Atoi(code); websocket.CloseStatus(err) != websocket.StatusCode(n) {
				t.Fatalf("got %s %v, want %s", got, err, line)
			}
			continue
		}
		if err != nil || kind != websocket.MessageText || !matches(want, string(got)) {
			t.Fatalf("got %s %v\nwant %s", got, err, want)
		}
	}
}

// matches compares a frame with that of the page, where … stands for any text.
func matches(want, got string) bool {
	parts := strings.Split(want, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(got)
}
