package access_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	// fixed is the cost of one connection besides its limits, on both its sides.
	fixed = 32 << 10
	// slack is the tolerance for the process.
	slack = 1 << 20
)

// heap returns the live heap.
func heap() int {
	runtime.GC()
	runtime.GC() // pools are freed in the second collection
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// arrived waits until the server has read everything, unless it has closed the connection.
func (l *line) arrived() {
	if l.WS == nil { // a POST is answered after it is handled
		return
	}
	if l.WS.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpPing, Payload: "?"}.Bytes()) != nil {
		return
	}
	for {
		if got, err := l.WS.Next(); err != nil || got.First == rawpeer.Fin|rawpeer.OpPong || got.First == rawpeer.Fin|rawpeer.OpClose {
			return
		}
	}
}

// attack is what each of many connections sends.
type attack struct {
	name   string
	lines  int
	bound  int                       // documented, for each connection
	enters bool                      // it is in the main namespace
	send   func(l *line) (bytes int) // returns the number of bytes sent
	alive  int                       // connections that may stay; 0 means lines
	stalls bool                      // a POST waits for room
}

const maxMessage = 200_000

func attacks() []attack {
	piece := strings.Repeat("x", 20_000)
	name := strings.Repeat("n", maxMessage-100)
	parts := func(l *line, head, part string, n int) int {
		sent := len(head)
		if !l.Send(head) {
			return sent
		}
		for range n {
			if !l.binary(part) {
				break
			}
			sent += len(part)
		}
		return sent
	}
	return []attack{
		{name: "attachments before any namespace (X9)", lines: 20, send: func(l *line) int {
			return parts(l, head("", "e", 10), piece, 9)
		}},
		{name: "attachments, the last of which is missing (X9)", lines: 20, bound: maxMessage, enters: true, send: func(l *line) int {
			return parts(l, head("", "e", 10), piece, 9)
		}},
		{name: "tiny attachments, the last of which is missing (X9)", lines: 100, enters: true, send: func(l *line) int {
			return parts(l, head("", "e", 10), "x", 9)
		}},
		{name: "attachments that are too large together (X9)", lines: 20, bound: maxMessage, enters: true, send: func(l *line) int {
			return parts(l, head("", "e", 10), strings.Repeat("x", 150_000), 9)
		}},
		{name: "attachments after a kick (X9)", lines: 20, enters: true, send: func(l *line) int {
			l.Send(`42["out"]`)
			l.Want("41")
			return parts(l, head("", name, 10), piece, 9)
		}},
		{name: "silent sessions (X8)", lines: 400, send: func(*line) int { return 300 }, alive: 50},
		{name: "events with long names while a handler runs (X9)", lines: 10, bound: 1 << 20, enters: true, stalls: true, send: func(l *line) int {
			l.Send(`42["wait"]`)
			sent := 0
			for range 30 {
				if !l.Send(`42["` + name + `"]`) {
					break
				}
				sent += len(name)
			}
			return sent
		}},
		{name: "bad messages without end (X16)", lines: 4, bound: 1 << 20 /* the send queue */, enters: true, stalls: true, send: func(l *line) int {
			sent := 0
			bad := fmt.Sprintf(`427["unknown",%q]`, piece)
			for range 60 {
				if !l.Send(bad) {
					break
				}
				sent += len(bad)
			}
			return sent
		}},
	}
}

// entered enters the main namespace with an auth payload or "", and reports whether the session has lived long enough.
func (l *line) entered(auth string) bool {
	l.T.Helper()
	if !l.Send("40" + auth) {
		return false
	}
	_, ok := l.ReadTo("40")
	return ok
}

// TestField_X08_X09_X16_Held: A client that attacks makes the server hold no more than four times the documented
// limit and a fixed cost of each connection, and nothing after it has disconnected: attachments in every order,
// silent sessions, long names, bad messages.
func TestField_X08_X09_X16_Held(t *testing.T) {
	const outside = 50
	all := localWays(ways.With(socketio.Options{MaxConnecting: outside}, zishang.Options{MaxConnecting: outside}))
	for _, a := range attacks() {
		for _, w := range all {
			t.Run(a.name+"/"+w.Name, func(t *testing.T) {
				release := make(chan struct{})
				limits := websockets.Limits{MaxMessage: maxMessage, CloseTimeout: 300 * time.Millisecond, PingTimeout: 2 * time.Second}
				if a.stalls && w.Polling { // a POST that waits for room is closed if the client polls for neither
					limits.PingInterval = time.Second
				}
				s := stage.New(t, w.Adapter(), stage.Limits(limits),
					stage.Handle(
						websockets.Listen("wait", func(ctx context.Context, _ struct{}) error {
							select {
							case <-release:
							case <-ctx.Done():
							}
							return nil
						}),
						websockets.Listen("out", func(ctx context.Context, _ struct{}) error {
							websockets.ClientFrom(ctx).Disconnect()
							return nil
						})), stage.App(app.Logger(slog.New(slog.DiscardHandler))))
				quiet(t, s, w)
				client := &http.Client{Transport: &http.Transport{}} // keeps no connection
				defer client.CloseIdleConnections()
				before := heap()
				lines := make([]*line, a.lines)
				sent := 0
				for i := range lines {
					s.Wait("a client is ready", func() bool {
						if w.Polling {
							lines[i] = thin(t, s, client)
						} else {
							lines[i] = w.dial(t, s)
						}
						return !a.enters || lines[i].entered("")
					})
					sent += a.send(lines[i])
					if w.Name == "socketio" {
						lines[i].arrived()
					}
				}
				client.CloseIdleConnections()
				held := heap() - before
				alive := a.lines
				if a.alive > 0 {
					alive = a.alive
				}
				if most := alive*(fixed+4*a.bound) + (a.lines-alive)*fixed/2 + slack; held > most {
					t.Errorf("%d KiB sent, %d KiB held, at most %d KiB may be", sent>>10, held>>10, most>>10)
				}
				close(release)
				for _, l := range lines {
					if l.WS != nil {
						l.WS.Reset()
					} else {
						l.Send("1")
					}
				}
				clear(lines)
				client.CloseIdleConnections()
				free := slack + a.lines*8<<10 // the test's peers exist until it ends
				s.Wait("all clients have disconnected", func() bool { return s.Server.Local().Len() == 0 && len(s.Reasons()) == s.Connects() })
				left := heap() - before
				s.Wait("the memory is free", func() bool { left = heap() - before; return left < free })
				t.Logf("%d KiB sent, %d KiB held, %d KiB after they disconnected", sent>>10, held>>10, left>>10)
			})
		}
	}
}

// thin opens a session over polling by a client that keeps nothing of its requests.
func thin(t *testing.T, s *stage.Stage, client *http.Client) *line {
	t.Helper()
	e := rawpeer.NewEngine(t, s.Addr)
	l := &line{&ways.Line{T: t, Poller: &rawpeer.Poller{Engine: e}}}
	do := func(method, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr+e.Query("polling", l.Poller.SID), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	_, body := do(http.MethodGet, "")
	l.Poller.SID = rawpeer.Answer{Body: body}.Get("sid")
	l.Do = do
	return l
}

// quiet connects and disconnects one client, so that everything created once exists.
func quiet(t *testing.T, s *stage.Stage, w way) {
	t.Helper()
	var l *line
	s.Wait("a client has entered", func() bool {
		l = w.dial(t, s)
		return l.entered("")
	})
	l.alive()
	l.Send("41")
	s.WantGone(1)
	if l.WS != nil {
		l.WS.Close()
	}
}
