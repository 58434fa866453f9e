package protocol

import (
	"cmp"
	"context"
	"encoding/json"
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
	if len(examples) < 11 {
		t.Fatalf("%d examples were found", len(examples))
	}
	for _, e := range examples {
		t.Run(strings.SplitN(e[1], "\n", 2)[0], func(t *testing.T) { play(t, e[1]) })
	}
}

// player plays one example.
type player struct {
	t    *testing.T
	ctx  context.Context
	app  *apptest.App
	conn *websocket.Conn
	path string
	last struct{ key, pos string } // that the server has sent

	stop    chan struct{} // receives when a client asks for the stop
	stopped chan error    // nil until then
}

// play sends and expects the frames of an example.
func play(t *testing.T, example string) {
	t.Helper()
	p := &player{t: t, stop: make(chan struct{}, 1)}
	p.app = apptest.New(t, newModule(func() { p.stop <- struct{}{} }), apptest.With(app.WebSockets(ws.New(ws.Options{ExplainRefusals: ws.On})), app.DrainRate(50)))
	if strings.Contains(example, "shutdown") {
		p.app.DialWS("/") // at a stop with several clients each is sent when to connect again
	}
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	defer func() { _ = p.conn.CloseNow() }()
	if !strings.HasPrefix(example, "offer ") {
		p.dial("/")
	}
	for line := range strings.Lines(example) {
		p.line(strings.TrimSpace(line))
	}
	if p.stopped != nil {
		_ = p.conn.CloseNow()
		if err := <-p.stopped; err != nil {
			t.Error(err)
		}
	}
}

func (p *player) line(line string) {
	p.t.Helper()
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "offer":
		offer, path, _ := strings.Cut(rest, " at ")
		p.dial(path, strings.Split(strings.NewReplacer("KEY", p.last.key, "POSITION", p.last.pos).Replace(offer), ", ")...)
	case "cut":
		_ = p.conn.CloseNow()
	case "(another":
		c := p.app.DialWS(p.path)
		c.Raw().Text(strings.TrimPrefix(rest, "client) "))
		c.ExpectMessage("said")
	case "→":
		p.send(rest)
	case "←":
		p.want(rest)
	default:
		p.t.Fatalf("a line of an unknown kind: %s", line)
	}
}

func (p *player) dial(path string, offer ...string) {
	p.t.Helper()
	conn, _, err := websocket.Dial(p.ctx, p.app.URL()+path, &websocket.DialOptions{Subprotocols: offer})
	if err != nil {
		p.t.Fatal(err)
	}
	p.conn, p.path = conn, path
}

func (p *player) send(frame string) {
	p.t.Helper()
	if err := p.conn.Write(p.ctx, websocket.MessageText, []byte(frame)); err != nil {
		p.t.Fatal(err)
	}
	if frame != `{"event":"stop"}` {
		return
	}
	testkit.Receive(p.t, "the event stop", p.stop)
	p.stopped = make(chan error, 1)
	go func() { p.stopped <- p.app.App().Stop(p.ctx) }()
}

func (p *player) want(frame string) {
	p.t.Helper()
	kind, got, err := p.conn.Read(p.ctx)
	if code, closes := strings.CutPrefix(frame, "close "); closes {
		if n, _ := strconv.Atoi(code); websocket.CloseStatus(err) != websocket.StatusCode(n) {
			p.t.Fatalf("got %s %v, want the code %s", got, err, code)
		}
		return
	}
	if err != nil || kind != websocket.MessageText || !matches(frame, string(got)) {
		p.t.Fatalf("got %s %v\nwant %s", got, err, frame)
	}
	var positions struct {
		Pos     string
		Session struct{ Key, Pos string }
	}
	if err := json.Unmarshal(got, &positions); err != nil {
		p.t.Fatal(err)
	}
	p.last.key = cmp.Or(positions.Session.Key, p.last.key)
	p.last.pos = cmp.Or(positions.Pos, positions.Session.Pos, p.last.pos)
}

// matches compares a frame with that of the page, where … stands for any text.
func matches(want, got string) bool {
	parts := strings.Split(want, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(got)
}
