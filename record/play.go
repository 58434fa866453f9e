package record

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Player plays recorded files. Its fields put in what is not in a file; the zero value plays files in which nothing that
// matters was left out.
type Player struct {
	// Connect returns options for the connection of a client: apptest.WithAuth, WithHeader and so on. It may change the query
	// of the line.
	Connect func(l *Line) []apptest.DialOption
	// Fill sets the payload of a line that a client sends, and in which it is left out in whole or in part.
	Fill func(l *Line)
	// Redact is that of the recorder's options: what the application sends now is compared after it.
	Redact func(l *Line)
	// Timeout limits each wait for the application. Default: 10 s.
	Timeout time.Duration
}

// Play plays a file with a [Player] without fields.
func Play(t testing.TB, file string, root *module.Module, opts ...apptest.Option) {
	t.Helper()
	(&Player{}).Play(t, file, root, opts...)
}

// Play starts the application, as [apptest.New] does, and plays a file: its clients connect and send what is recorded, in the
// recorded order, each over a connection of its own, by JSON over WebSocket. What the application does is awaited and compared
// line by line; the first difference fails the test. Pauses between lines are not played.
func (p *Player) Play(t testing.TB, file string, root *module.Module, opts ...apptest.Option) {
	t.Helper()
	lines, err := readFile(file)
	if err != nil {
		t.Fatalf("record: Play: %v", err)
	}
	x := &playing{
		Player: p, t: t, file: file, plan: newPlan(lines), live: newLive(), bound: newBindings(),
		clients: map[string]*played{}, waiting: map[*Line]bool{}, timeout: cmp.Or(p.Timeout, 10*time.Second),
	}
	o := tapOptions{redact: p.Redact, ignore: lines[0].Ignore, maxPayload: lines[0].MaxPayload, maxClients: len(lines)}
	watched := newTap(o, func(l *Line) { x.live.add(l, int(x.at.Load())) })
	x.app = apptest.New(t, root, append(opts, apptest.With(app.Observe(watched.hooks())))...)
	t.Cleanup(x.asking.Wait) // after the clients are closed
	for i := range lines {
		if !x.line(i) {
			return
		}
	}
	x.rest()
}

// playing is one run of a file.
type playing struct {
	*Player
	*plan

	t       testing.TB
	file    string
	app     *apptest.App
	live    *live
	bound   *bindings
	clients map[string]*played
	timeout time.Duration
	at      atomic.Int64   // the line that is played
	waiting map[*Line]bool // ends that depend on later inputs
	asking  sync.WaitGroup
}

// played is a client of the test.
type played struct {
	*apptest.Client

	calls    map[int]*liveEvent // by their recorded numbers
	received map[string][]apptest.Message
}

func (x *playing) failf(l *Line, format string, args ...any) bool {
	x.t.Helper()
	client := ""
	if l.Client != "" {
		client = l.Client + ": "
	}
	x.t.Errorf("%s:%d: %s%s", x.file, l.at, client, fmt.Sprintf(format, args...))
	return false
}

// line plays a line, and reports whether the next one may follow.
func (x *playing) line(i int) bool {
	x.t.Helper()
	l := x.lines[i]
	if l.input() {
		x.settle(l)
		x.at.Store(int64(l.at))
	}
	switch l.Kind {
	case KindConnect, KindRefused:
		return x.dial(l)
	case KindSend, KindAsk:
		return x.send(l)
	case KindReply:
		return x.reply(i)
	case KindReady:
		return x.await(l, "HandleConnection has not returned", func(c *liveClient) bool { return c.ready })
	case KindAnswer, KindFail, KindDone:
		return x.answer(l)
	case KindEvent, KindCall:
		return x.event(i)
	case KindLeave:
		return x.leave(l)
	case KindLeft:
		return x.await(l, "HandleDisconnect has not returned", func(c *liveClient) bool { return c.left })
	case KindOmitted:
		if l.Client != "" {
			return x.failf(l, "cannot be played: the client has sent %s", l.Missing)
		}
	case KindStart, KindEnd:
	}
	return true
}

// maxSettle limits how long settle waits for one end.
const maxSettle = 500 * time.Millisecond

// settle waits for what ended before an input, although its line follows. What depends on the input is not awaited for long.
func (x *playing) settle(l *Line) {
	for _, end := range x.soon[l] {
		if x.waiting[end] {
			continue
		}
		x.waiting[end] = !x.live.wait(maxSettle, func() bool {
			c := x.live.client(end.Client)
			switch end.Kind {
			case KindReady:
				return c.ready
			case KindLeft:
				return c.left
			default:
				return c.answers[end.Number] != nil
			}
		})
	}
}

// await waits until a client has come to a state.
func (x *playing) await(l *Line, otherwise string, reached func(*liveClient) bool) bool {
	x.t.Helper()
	if x.live.wait(x.timeout, func() bool { return reached(x.live.client(l.Client)) }) {
		return true
	}
	return x.failf(l, "%s within %v", otherwise, x.timeout)
}

// dial connects a client, or one that must be refused.
func (x *playing) dial(l *Line) bool {
	x.t.Helper()
	to := *l
	opts := []apptest.DialOption{
		apptest.WithTimeout(x.timeout),
		apptest.WithTLS(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}), //nolint:gosec // the application of the same test
	}
	if l.Protocol != "" {
		opts = append(opts, apptest.WithSubprotocols(l.Protocol))
	}
	if former := x.clients[l.Recovers]; former != nil {
		opts = append(opts, apptest.WithRecovery(former.Client))
	}
	if x.Connect != nil {
		opts = append(opts, x.Connect(&to)...)
	}
	for _, s := range []*string{&to.Query, &to.Path, &to.Namespace} {
		var err error
		if *s, err = x.bound.resolveText(*s); err != nil {
			return x.failf(l, "%v", err)
		}
	}
	if strings.Contains(to.Query, redacted) {
		return x.failf(l, "the query %q has secrets that are not in the file: set it in Player.Connect", to.Query)
	}
	c, err := x.connect(&to, opts)
	if l.Kind == KindRefused {
		return x.refused(l, err)
	}
	if err != nil {
		return x.failf(l, "cannot connect: %v%s", err, x.hint(l))
	}
	x.clients[l.Client] = &played{Client: c, calls: map[int]*liveEvent{}, received: map[string][]apptest.Message{}}
	if !x.await(l, "not connected", func(c *liveClient) bool { return c.connect != nil }) {
		return false
	}
	x.live.mu.Lock()
	defer x.live.mu.Unlock()
	if _, known := x.bound.values[openMark+l.Client+closeMark]; !known {
		x.bound.set(openMark+l.Client+closeMark, []byte(quoted(x.live.client(l.Client).connect.id)))
	}
	return true
}

// hint is what may be missing when a client is refused.
func (x *playing) hint(l *Line) string {
	if l.Missing == "auth" && x.Connect == nil {
		return "; its auth is not in the file: set Player.Connect"
	}
	return ""
}

func (x *playing) connect(l *Line, opts []apptest.DialOption) (*apptest.Client, error) {
	url := x.app.URL()
	if l.Platform == "ws" {
		url += l.Path
	} else {
		opts = append([]apptest.DialOption{apptest.WithNamespace(l.Namespace), apptest.WithPath(l.Path)}, opts...)
	}
	if l.Query != "" {
		url += "?" + l.Query
	}
	if l.Platform == "ws" {
		return apptest.TryDialWS(x.t, url, opts...)
	}
	return apptest.TryDialSocketIO(x.t, url, opts...)
}

func (x *playing) refused(l *Line, err error) bool {
	x.t.Helper()
	if err == nil {
		return x.failf(l, "connected, recorded a refusal with the status %d", l.Code)
	}
	if !x.await(l, fmt.Sprintf("not refused by the application (%v)", err), func(c *liveClient) bool { return c.refused != nil }) {
		return false
	}
	x.live.mu.Lock()
	defer x.live.mu.Unlock()
	got := x.live.client(l.Client).refused
	if got.Code != l.Code || got.Text != l.Text {
		return x.failf(l, "refused with the status %d and the code %q, recorded %d and %q", got.Code, got.Text, l.Code, l.Text)
	}
	if d := x.bound.match(l, got); d != "" {
		return x.failf(l, "the message of the refusal: %s", d)
	}
	return true
}

// open returns a client that must be connected.
func (x *playing) open(l *Line) *played {
	x.t.Helper()
	c := x.clients[l.Client]
	if c == nil {
		x.failf(l, "not connected before")
	}
	return c
}

// arguments returns the payload that a client sends.
func (x *playing) arguments(l *Line) (args []any, ok bool) {
	x.t.Helper()
	to := *l
	if l.Missing != "" {
		if x.Fill == nil {
			return nil, x.failf(l, "%s is not in the file (%s): set it by Player.Fill", l, l.Missing)
		}
		x.Fill(&to)
	}
	payload, err := x.bound.resolve(to.Payload)
	if err != nil {
		return nil, x.failf(l, "%s: %v", l, err)
	}
	to.Payload = payload
	args, err = argumentsOf(&to)
	if err != nil {
		return nil, x.failf(l, "%s: %v", l, err)
	}
	return args, true
}

func (x *playing) send(l *Line) bool {
	x.t.Helper()
	c := x.open(l)
	if c == nil {
		return false
	}
	args, ok := x.arguments(l)
	if !ok {
		return false
	}
	event, err := x.bound.resolveText(l.Event)
	if err == nil {
		if l.Kind == KindAsk {
			x.asking.Go(func() { _, _ = c.TryCall(event, args...) }) // the answer is seen by the hooks
		} else {
			err = c.TryEmit(event, args...)
		}
	}
	if err != nil {
		return x.failf(l, "cannot send %q: %v", l.Event, err)
	}
	return x.await(l, fmt.Sprintf("%q has not arrived", event), func(c *liveClient) bool { return c.messages >= l.Number || c.leave != nil })
}

// answer waits for the end of a message, and compares its answer.
func (x *playing) answer(l *Line) bool {
	x.t.Helper()
	var got *Line
	if !x.await(l, l.String()+": not handled", func(c *liveClient) bool {
		got = c.answers[l.Number]
		return got != nil || c.leave != nil && l.Kind == KindDone
	}) {
		return false
	}
	if got == nil {
		return true
	}
	if l.Kind != got.Kind {
		return x.failf(l, "got %s, recorded %s", got, l)
	}
	if d := x.bound.match(l, got); d != "" {
		return x.failf(l, "%s: %s", l.subject(), d)
	}
	return true
}

// engineClose is the close packet of Engine.IO.
const engineClose = "1"

// leave ends the connection of a client, or waits for the server to do so.
func (x *playing) leave(l *Line) bool {
	x.t.Helper()
	c := x.open(l)
	if c == nil {
		return false
	}
	switch {
	case l.byServer():
	case l.Clean && l.Cause == string(websockets.CauseTransportClose): // without leaving the namespace
		c.Raw().Text(engineClose)
	case l.Clean:
		c.Close()
	default:
		c.Abort()
	}
	if !x.await(l, "the connection has not ended", func(c *liveClient) bool { return c.leave != nil }) {
		return false
	}
	x.live.mu.Lock()
	defer x.live.mu.Unlock()
	if got := x.live.client(l.Client).leave; l.byServer() && (got.Cause != l.Cause || got.Code != l.Code || got.Text != l.Text) {
		return x.failf(l, "closed with %s, recorded %s", got.reason(), l.reason())
	}
	return true
}

func (l *Line) reason() string {
	return strings.TrimSpace(fmt.Sprintf("%q %d %s", l.Cause, l.Code, l.Text))
}

// rest fails the test for events that are not recorded.
func (x *playing) rest() {
	x.t.Helper()
	last := x.lines[len(x.lines)-1]
	if last.Kind != KindEnd || last.Missing != "" {
		return
	}
	x.live.mu.Lock()
	defer x.live.mu.Unlock()
	for name, c := range x.live.clients {
		for _, e := range c.events {
			if !e.matched && c.leave == nil {
				x.failf(&Line{Client: name, at: e.after}, "after this line: got %s, recorded nothing more", e.Line)
				return
			}
		}
	}
}
