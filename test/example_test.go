package test_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"

	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

func TestMain(m *testing.M) {
	os.Exit(leaktest.Main(m))
}

// example is a running cmd/example.
type example struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string // without the last slash
	stats string

	lines  chan string
	stderr bytes.Buffer // read it after stop only
	once   sync.Once
}

const patience = 15 * time.Second

// buildExample builds the program with the race detector; Go's cache makes it quick.
func buildExample(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "example")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-race", "-o", program, "./cmd/example")
	cmd.Dir = need.Root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// start runs the program on free ports. It is stopped at the end of the test,
// and must then end with status 0 and without a word of the race detector.
func start(t *testing.T, program string, args ...string) *example {
	t.Helper()
	args = append([]string{"-addr", "127.0.0.1:0", "-stats-addr", "127.0.0.1:0"}, args...)
	e := &example{t: t, cmd: exec.Command(program, args...), lines: make(chan string, 16)}
	e.cmd.Stderr = &e.stderr
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.stop)
	go func() {
		defer close(e.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			e.lines <- s.Text()
		}
	}()
	e.url = e.line("Open ")
	e.stats = e.line("Stats at ")
	return e
}

func (e *example) line(prefix string) string {
	e.t.Helper()
	select {
	case line, ok := <-e.lines:
		url, found := strings.CutPrefix(line, prefix)
		if !ok || !found {
			e.stop()
			e.t.Fatalf("got line %q, want %q\n%s", line, prefix, e.stderr.String())
		}
		return strings.TrimSuffix(url, "/")
	case <-time.After(patience):
		e.stop()
		e.t.Fatalf("no line %q\n%s", prefix, e.stderr.String())
		return ""
	}
}

// stop sends SIGTERM and waits for a clean end.
func (e *example) stop() {
	e.once.Do(func() {
		_ = e.cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(2*patience, func() { _ = e.cmd.Process.Kill() })
		defer kill.Stop()
		for range e.lines { // all output is read before Wait closes the pipe
			continue
		}
		if err := e.cmd.Wait(); err != nil {
			e.t.Errorf("the program ended with %v\n%s", err, e.stderr.String())
		}
		log := e.stderr.String()
		if strings.Contains(log, "DATA RACE") || strings.Contains(log, "level=ERROR") {
			e.t.Errorf("the program says:\n%s", log)
		}
	})
}

func (e *example) ws(path string) string { return "ws" + strings.TrimPrefix(e.url, "http") + path }

// request gives status and body.
func (e *example) request(method, path, body string) (int, string) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, e.url+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

type room struct {
	Room    string   `json:"room"`
	Members []string `json:"members"`
}

type presence struct {
	Room    string   `json:"room"`
	Name    string   `json:"name"`
	Members []string `json:"members"`
}

type message struct {
	Room string    `json:"room"`
	Name string    `json:"name"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

type failure struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Code    string `json:"code"`
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestExample runs one server for what does not disturb each other, then others.
func TestExample(t *testing.T) {
	program := buildExample(t)
	n := nodetest.Start(t)
	e := start(t, program)

	transports := map[string]nodetest.Opts{
		"polling":   {"transports": []string{"polling"}},
		"websocket": {"transports": []string{"websocket"}},
		"upgrade":   {},
	}
	for name, opts := range transports {
		t.Run("Socket.IO over "+name, func(t *testing.T) { socketIO(t, e, n, name, opts) })
	}
	t.Run("plain WebSocket", func(t *testing.T) { plain(t, e, n) })
	t.Run("both in one room", func(t *testing.T) { bothInOneRoom(t, e, n) })
	t.Run("stats", func(t *testing.T) { figures(t, e, n) })
	t.Run("HTTP", func(t *testing.T) { controllers(t, e) })
	t.Run("page", func(t *testing.T) { page(t, e) })
	t.Run("one platform", func(t *testing.T) { onePlatform(t, program, n) })
	t.Run("stop", func(t *testing.T) { stops(t, program, n) })
}

func socketIO(t *testing.T, e *example, n *nodetest.Node, name string, opts nodetest.Opts) {
	c := n.SocketIO(e.url, opts)
	transport := name
	if name == "upgrade" {
		c.AwaitTransport("websocket")
		transport = "websocket"
	}
	want(t, "transport", c.Transport(), transport)

	for _, v := range []string{`0`, `false`, `""`, `null`, `[1,[2]]`, `{"a":{"b":"é\u2028"}}`} {
		var compact bytes.Buffer
		if err := json.Compact(&compact, nodetest.Call[json.RawMessage](c, "identity", json.RawMessage(v))); err != nil {
			t.Fatal(err)
		}
		var got, sent any
		_ = json.Unmarshal(compact.Bytes(), &got)
		_ = json.Unmarshal([]byte(v), &sent)
		want(t, "identity", got, sent)
	}
	want(t, "identity of binary", nodetest.Call[[]byte](c, "identity", []byte{0, 255}), []byte{0, 255})
	want(t, "identity of nothing", len(c.Call("identity")), 0)
	want(t, "ack of a stream", len(c.Call("events", "any")), 0)
	for i := 1; i <= 3; i++ {
		want(t, "events", nodetest.Expect[int](c, "events"), i)
	}

	chat := n.SocketIO(e.url+"/chat", opts)
	here := "room of " + name
	want(t, "say", nodetest.Call[failure](chat, "say", nodetest.Fields{"text": "x"}),
		failure{"error", "join a room first", "no_room"})
	want(t, "join", nodetest.Call[failure](chat, "join", nodetest.Fields{"room": here}),
		failure{"error", "name is required", "invalid"})
	want(t, "join", nodetest.Call[room](chat, "join", nodetest.Fields{"room": here, "name": "Ann"}), room{here, []string{"Ann"}})
	want(t, "joined", nodetest.Expect[presence](chat, "joined"), presence{here, "Ann", []string{"Ann"}})
	want(t, "ack of say", len(chat.Call("say", nodetest.Fields{"text": "<b>hi</b>"})), 0)
	m := nodetest.Expect[message](chat, "message")
	want(t, "message", []string{m.Room, m.Name, m.Text}, []string{here, "Ann", "<b>hi</b>"})
	if m.At.IsZero() {
		t.Error("the message has no time")
	}
	want(t, "ack of leave", len(chat.Call("leave")), 0)
	want(t, "left", nodetest.Expect[presence](chat, "left"), presence{here, "Ann", []string{}})

	if _, err := n.TrySocketIO(e.url+"/nothing", opts); err == nil || err.Error() != "Invalid namespace" {
		t.Errorf("namespace that is not there: %v", err)
	}
}

func plain(t *testing.T, e *example, n *nodetest.Node) {
	c := n.WS(e.ws("/ws"), nil)
	want(t, "identity", nodetest.Call[string](c, "identity", "x"), "x")
	c.Emit("identity", 5)
	want(t, "answer without an id", nodetest.Expect[int](c, "identity"), 5)
	c.Emit("events")
	for i := 1; i <= 3; i++ {
		want(t, "events", nodetest.Expect[int](c, "events"), i)
	}

	chat := n.WS(e.ws("/ws/chat"), nil)
	chat.Emit("say", nodetest.Fields{"text": "x"})
	want(t, "exception", nodetest.Expect[failure](chat, "exception"), failure{"error", "join a room first", "no_room"})
	if _, err := chat.TryCall("join", nodetest.Fields{"room": "r", "name": strings.Repeat("x", 41)}); err == nil {
		t.Error("a long name is let in")
	}
	if _, err := n.TryWS(e.ws("/ws/nothing"), nil); err == nil {
		t.Error("a path that is not there is served")
	}
}

func bothInOneRoom(t *testing.T, e *example, n *nodetest.Node) {
	const tea = "tea"
	ann := n.SocketIO(e.url+"/chat", nil)
	bob := n.WS(e.ws("/ws/chat"), nil)
	want(t, "join", nodetest.Call[room](ann, "join", nodetest.Fields{"room": tea, "name": "Ann"}), room{tea, []string{"Ann"}})
	want(t, "join", nodetest.Call[room](bob, "join", nodetest.Fields{"room": tea, "name": "Bob"}), room{tea, []string{"Ann", "Bob"}})
	nodetest.Expect[presence](ann, "joined")
	want(t, "joined", nodetest.Expect[presence](ann, "joined"), presence{tea, "Bob", []string{"Ann", "Bob"}})

	say := func(text string) {
		for who, c := range map[string]*nodetest.Client{"Ann": ann, "Bob": bob} {
			if m := nodetest.Expect[message](c, "message"); m.Text != text {
				t.Errorf("%s hears %v, want %q", who, m, text)
			}
		}
	}
	ann.Call("say", nodetest.Fields{"text": "from Ann"})
	say("from Ann")
	bob.Call("say", nodetest.Fields{"text": "from Bob"})
	say("from Bob")
	status, _ := e.request("POST", "/rooms/tea/messages", `{"name":"Web","text":"from HTTP"}`)
	want(t, "POST", status, http.StatusAccepted)
	say("from HTTP")

	_, list := e.request("GET", "/rooms", "")
	if !strings.Contains(list, `{"room":"tea","members":["Ann","Bob"]}`) {
		t.Errorf("rooms: %s", list)
	}
	bob.Cut()
	want(t, "left", nodetest.Expect[presence](ann, "left"), presence{tea, "Bob", []string{"Ann"}})
}

func figures(t *testing.T, e *example, n *nodetest.Node) {
	type stats struct {
		Connections int `json:"connections"`
		Messages    int `json:"messages"`
	}
	sio := n.SocketIO(e.stats+"/stats", nil)
	ws := n.WS("ws"+strings.TrimPrefix(e.stats, "http")+"/ws/stats", nil)
	for _, c := range []*nodetest.Client{sio, ws} {
		c.Emit("watch", nodetest.Fields{"every_ms": 1})
		before := nodetest.Expect[stats](c, "stats")
		nodetest.Expect[stats](c, "stats")
		_, _ = e.request("POST", "/rooms/nobody/messages", `{"name":"Web","text":"x"}`)
		for nodetest.Expect[stats](c, "stats").Messages <= before.Messages { // the stream goes on
			continue
		}
		c.Emit("watch", nodetest.Fields{})
		want(t, "second watch", nodetest.Expect[failure](c, "exception").Status, "error")
	}
	before := nodetest.Expect[stats](ws, "stats").Connections
	n.WS(e.ws("/ws/chat"), nil)
	for nodetest.Expect[stats](ws, "stats").Connections <= before {
		continue
	}
}

func controllers(t *testing.T, e *example) {
	for _, c := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"GET", "/healthz", "", 200, `{"status":"ok"}`},
		{"POST", "/rooms/a%20b/messages", `{"name":"n","text":"t"}`, 202, ``},
		{"POST", "/rooms/a/messages", `{"name":"n"}`, 400, `{"statusCode":400,"message":"text is required","error":"Bad Request"}`},
		{"POST", "/rooms/a/messages", `{`, 400, `{"statusCode":400,"message":"Bad body: not valid JSON","error":"Bad Request"}`},
		{"GET", "/nothing", "", 404, `{"statusCode":404,"message":"Cannot GET /nothing","error":"Not Found"}`},
		{"PUT", "/rooms", "", 405, `{"statusCode":405,"message":"Cannot PUT /rooms","error":"Method Not Allowed"}`},
	} {
		if status, body := e.request(c.method, c.path, c.body); status != c.status || body != c.answer {
			t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
		}
	}
}

func page(t *testing.T, e *example) {
	for path, has := range map[string]string{"/": "<h1>", "/chat.js": "import", "/transports.js": "export", "/style.css": "body"} {
		if status, body := e.request("GET", path, ""); status != http.StatusOK || !strings.Contains(body, has) {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// onePlatform has the other one not served.
func onePlatform(t *testing.T, program string, n *nodetest.Node) {
	for _, platform := range []string{"socketio", "ws"} {
		e := start(t, program, "-platform", platform)
		_, sio := n.TrySocketIO(e.url, nil)
		_, ws := n.TryWS(e.ws("/ws"), nil)
		want(t, platform, []bool{sio == nil, ws == nil}, []bool{platform == "socketio", platform == "ws"})
		e.stop()
	}
}

// stops: those who are connected are told, and the status is 0.
func stops(t *testing.T, program string, n *nodetest.Node) {
	e := start(t, program)
	clients := []*nodetest.Client{n.SocketIO(e.url+"/chat", nil), n.WS(e.ws("/ws/chat"), nil)}
	begin := time.Now()
	e.stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	var codes []int
	for _, c := range clients {
		codes = append(codes, c.ExpectEnd().Code)
	}
	if !slices.Contains(codes, 1001) {
		t.Errorf("plain WebSocket is not told that the server goes away: %v", codes)
	}
}
