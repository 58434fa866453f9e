package matrix_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/matrix"
	"github.com/gatehouse-go/gatehouse/record"
)

// recordedChecks are checks whose sessions are the same in each run: they ask nothing until it is so, have no list in the order of
// random ids, and the server is not sent headers or an auth of their own.
var recordedChecks = []string{
	"connect: a client connects",
	"connect: the id is the server's, and does not change",
	"connect: ids differ between clients, and between namespaces of a connection",
	"connect: query reaches the server",
	"connect: several namespaces on one connection",
	"connect: a namespace of a pattern",
	"connect: namespaces of one pattern are apart",
	"connect: only the main namespace, or only another",
	"connect: an unknown namespace is rejected: Invalid namespace",
	"connect: an unknown namespace leaves the others of the connection alone",
	"connect: a query in the namespace is not part of its name",
	"connect: the guard rejects: connect_error with message and data",
	"connect: the guard rejects a client without auth",
	"connect: the guard accepts, and its value of the client is stored",
	"connect: rejected, then accepted on the same connection with the right auth",
	"connect: a rejected namespace and an accepted one",
	"connect: what was emitted before connect is sent after it",
	"connect: events emitted in HandleConnection arrive first",
	"connect: a server that disconnects in HandleConnection",
	"connect: a slow guard",
	"events: emit without arguments",
	"events: emit with three arguments",
	"events: several arguments to the client, binary among them",
	"events: the server's call with two arguments",
	"events: event names: unicode, quotes, spaces, 1 KB",
	"events: an unhandled event has no effect",
	"events: ack of a binary value",
	"events: ack timeout at the client, and its late ack is ignored",
	"events: several acks out of order find their calls",
	"events: the server's call, answered with nothing",
	"events: the server's call, answered with 0",
	"events: the server's call, answered with false",
	`events: the server's call, answered with ""`,
	"events: the server's call, answered with null",
	"events: the server's call, answered with undefined",
	"events: the server's call, answered with an object",
	"events: the server's call, answered with an array",
	"events: the server's call, answered with an array and binary",
	"events: the server's call, answered with two arguments",
	"events: the server's call, answered with binary",
	"events: the server's call, answered with binary, nested",
	"events: the server's call carries binary",
	"events: the server's call is not answered in time",
	"events: a client that answers twice",
	"events: a client that calls the server before it answers",
	"events: the catch-all of the server sees every event",
	"events: the catch-all of the client sees every event",
	"rooms: a broadcast reaches all clients of the namespace",
	"rooms: a broadcast stays in its namespace",
	"rooms: to a room",
	"rooms: to several rooms: each client once",
	"rooms: to a room, except another room",
	"rooms: a room of one client, and an empty room",
	"rooms: rooms of the same name in two namespaces are two",
	"rooms: joining twice is joining once",
	"rooms: a broadcast of binary",
	"rooms: a broadcast without arguments",
	"rooms: broadcasts keep their order",
	"rooms: a call without clients",
	"rooms: a call of one client",
	"rooms: a call that is answered with nothing",
	"rooms: a call that is answered with several arguments: all of them",
	"rooms: a call of many carries binary, both ways",
	"rooms: putting others into rooms and taking them out",
}

// runs is how often each session is played: twice, or RECORD_RUNS times.
func runs() int {
	if n, err := strconv.Atoi(os.Getenv("RECORD_RUNS")); err == nil {
		return n
	}
	return 2
}

// guardTokens are what clients send to the guard.
var guardTokens = []string{"secret", "wrong"}

// TestRecordedSessions: sessions of npm's client that are recorded while checks of the matrix run, each with an application of its own, play on
// new applications. Their files have no token.
func TestRecordedSessions(t *testing.T) {
	c := matrix.StartChecks(t)
	for _, name := range recordedChecks {
		if !strings.Contains(name, matrix.Only()) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			file := recordCheck(t, c, name)
			for i := range runs() {
				t.Run(fmt.Sprint(i), func(t *testing.T) { playAgain(t, file) })
			}
		})
	}
}

func playAgain(t *testing.T, file string) {
	t.Helper()
	player := &record.Player{
		Connect: func(l *record.Line) []apptest.DialOption {
			switch l.Namespace {
			case "/guarded":
				token := guardTokens[0]
				if l.Kind == record.KindRefused {
					token = guardTokens[1]
				}
				return []apptest.DialOption{apptest.WithAuth(map[string]string{"token": token})}
			case "/greeting":
				return []apptest.DialOption{apptest.WithAuth(map[string]int{"n": 1})}
			}
			return nil
		},
	}
	player.Play(t, file, matrix.Module(matrix.NewGateway()))
	if t.Failed() {
		if b, err := os.ReadFile(file); err == nil {
			t.Logf("%.20000s", b)
		}
	}
}

// recordCheck plays a check, and returns the file of its sessions.
func recordCheck(t *testing.T, c *matrix.Checks, name string) string {
	t.Helper()
	var b bytes.Buffer
	r := record.New(&b, record.Options{})
	var results []matrix.Result
	t.Run("record", func(t *testing.T) {
		a := apptest.New(t, matrix.Module(matrix.NewGateway()), apptest.With(app.Observe(r.Hooks())))
		results = c.Run(t, "websocket", &matrix.Side{Name: "Gatehouse", URLs: map[string]string{"main": a.URL()}, Only: name})
	})
	for _, got := range results {
		if !got.OK {
			t.Errorf("%s: %s", got.Name, got.Detail)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	for _, token := range guardTokens {
		if strings.Contains(b.String(), `"`+token+`"`) {
			t.Errorf("the token %q is in the file:\n%s", token, b.String())
		}
	}
	file := filepath.Join(t.TempDir(), "session.jsonl")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
