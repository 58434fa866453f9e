package contracts

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/contracts/wire"
)

// example is the example application, with recorders in front of its two addresses.
type example struct {
	*testing.T

	cmd         *exec.Cmd
	main, stats *wire.Recorder
}

func startExample(t *testing.T) *example {
	t.Helper()
	program := filepath.Join(t.TempDir(), "example")
	build := exec.CommandContext(t.Context(), need.Program(t, "", "go"), "build", "-o", program, "./cmd/example")
	build.Dir = need.Root(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e := &example{T: t, cmd: exec.CommandContext(t.Context(), program, "-addr", "127.0.0.1:0", "-stats-addr", "127.0.0.1:0", "-token-life", "8s")}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = e.cmd.Process.Kill()
		_ = e.cmd.Wait()
	})
	line := func(prefix string, lines *bufio.Scanner) string {
		t.Helper()
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), prefix) {
			t.Fatalf("the example prints %q, want %q", lines.Text(), prefix)
		}
		url, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), prefix), " (")
		return url
	}
	lines := bufio.NewScanner(out)
	e.main = wire.Record(t, strings.TrimSuffix(line("Open ", lines), "/"))
	e.stats = wire.Record(t, strings.TrimSuffix(strings.TrimSuffix(line("Stats at ", lines), "/stats"), "/ws"))
	return e
}

// post sends JSON to a route, and returns the token in the answer, if there is one.
func (e *example) post(path, body, token string) string {
	e.Helper()
	q, err := http.NewRequestWithContext(e.Context(), http.MethodPost, e.main.URL+path, strings.NewReader(body))
	if err != nil {
		e.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		e.Fatal(err)
	}
	defer res.Body.Close()
	var session struct{ Token string }
	_ = json.NewDecoder(res.Body).Decode(&session)
	return session.Token
}

// TestExample: every frame between the example and clients of both platforms is a message of its document, which has no others.
func TestExample(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(need.Root(t), "cmd/example/api/asyncapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	e := startExample(t)
	for platform, dial := range map[string]func(r *wire.Recorder, endpoint, token string) *apptest.Client{
		"socketio": func(r *wire.Recorder, endpoint, token string) *apptest.Client {
			return apptest.DialSocketIO(t, r.URL, apptest.WithNamespace(endpoint), apptest.WithAuth(map[string]string{"token": token}))
		},
		"ws": func(r *wire.Recorder, endpoint, token string) *apptest.Client {
			return apptest.DialWS(t, r.URL+"/ws"+endpoint, apptest.WithSubprotocols("bearer", token))
		},
	} {
		token := e.post("/login", `{"name":"Ada"}`, "")
		root, chat, stats := dial(e.main, "", token), dial(e.main, "/chat", token), dial(e.stats, "/stats", token)
		for _, v := range []any{nil, 1.5, "é", []any{}, map[string]any{"a": true}} {
			root.Call("identity", v)
		}
		root.Emit("identity", "no id")
		root.Call("events")
		root.CallError("nothing")

		if e := chat.CallError("say", map[string]string{"text": "x"}); e.Code != "no_room" {
			t.Errorf("%s: %v", platform, e)
		}
		chat.CallError("join", map[string]int{"room": 1})
		chat.Emit("join", "no object")
		apptest.Expect[json.RawMessage](chat, "exception")
		chat.Call("join", map[string]string{"room": platform})
		apptest.Expect[json.RawMessage](chat, "joined")
		apptest.Expect[json.RawMessage](chat, "members")
		chat.Call("say", map[string]string{"text": "<b>hi</b>"})
		apptest.Expect[json.RawMessage](chat, "message")
		e.post("/rooms/"+platform+"/messages", `{"text":"by HTTP"}`, token)
		apptest.Expect[json.RawMessage](chat, "message")
		apptest.Expect[json.RawMessage](chat, "token_expiring")
		chat.Call("token", e.post("/refresh", "", token))
		chat.CallError("token", "wrong")
		chat.Call("leave")
		apptest.Expect[json.RawMessage](chat, "left")
		chat.CallError("leave")

		stats.Emit("watch", map[string]int{"every_ms": 50})
		for range 3 {
			apptest.Expect[json.RawMessage](stats, "stats")
		}
		stats.CallError("watch", map[string]int{})

		raw, cancelled := map[string][3]string{ // a stream that is cancelled, and its end
			"ws":       {`{"event":"watch","data":{},"id":7}`, `{"cancel":7}`, `{"id":7}`},
			"socketio": {`42/stats,7["watch",{}]`, `42/stats,["gatehouse:cancel","watch"]`, `43/stats,7[]`},
		}[platform], dial(e.stats, "/stats", token)
		cancelled.Raw().Text(raw[0])
		testkit.Eventually(t, "an item", func() bool {
			return slices.ContainsFunc(cancelled.Raw().Frames(), func(f string) bool { return strings.Contains(f, "connections") })
		})
		cancelled.Raw().Text(raw[1])
		testkit.Eventually(t, "the end of the stream", func() bool { return slices.Contains(cancelled.Raw().Frames(), raw[2]) })
	}
	r := wire.Check(t, document, e.main, e.stats)
	t.Logf("%d frames are valid, %d mistakes of the clients were answered", r.Valid, r.Mistakes)
	// Of an application on several nodes; of a stop with many clients, see TestShutdown; of clients that cancel the stream of another gateway.
	r.Complete("node.event", "shutdown.event", "ws.ws/cancel.request", "socketio/gatehouse-cancel.request")
}
