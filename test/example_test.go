package test_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
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
	stderr bytes.Buffer // read only after stop
	once   sync.Once
}

// buildExample builds the program with the race detector.
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

// start starts the program on free ports and stops it when the test ends. It must exit
// with status 0 and without reports of the race detector.
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
	first, _, _ := strings.Cut(e.line("Stats at "), " (")
	e.stats = strings.TrimSuffix(strings.TrimSuffix(first, "/stats"), "/ws")
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
	case <-time.After(testkit.Patience):
		e.stop()
		e.t.Fatalf("no line %q\n%s", prefix, e.stderr.String())
		return ""
	}
}

// stop sends SIGTERM and waits for a clean exit.
func (e *example) stop() {
	e.once.Do(func() {
		_ = e.cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(2*testkit.Patience, func() { _ = e.cmd.Process.Kill() })
		defer kill.Stop()
		for range e.lines { // all output is read before Wait closes the pipe
			continue
		}
		if err := e.cmd.Wait(); err != nil {
			e.t.Errorf("the program exited with %v\n%s", err, e.stderr.String())
		}
		log := e.stderr.String()
		if strings.Contains(log, "DATA RACE") || strings.Contains(log, "level=ERROR") {
			e.t.Errorf("the program logs:\n%s", log)
		}
	})
}

func (e *example) ws(path string) string { return "ws" + strings.TrimPrefix(e.url, "http") + path }

// request returns status and body.
func (e *example) request(method, path, body string) (int, string) {
	e.t.Helper()
	return e.requestAs("", method, path, body)
}

// requestAs is request with a token.
func (e *example) requestAs(token, method, path, body string) (int, string) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, e.url+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Timeout: testkit.Patience, Transport: &http.Transport{DisableKeepAlives: true}}
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

// login returns a token for a name.
func (e *example) login(name string) string {
	e.t.Helper()
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		e.t.Fatal(err)
	}
	status, answer := e.request("POST", "/login", string(body))
	var s struct{ Token, Name string }
	if err := json.Unmarshal([]byte(answer), &s); status != http.StatusCreated || err != nil || s.Token == "" || s.Name != name {
		e.t.Fatalf("login as %s: %d %s", name, status, answer)
	}
	return s.Token
}

// withAuth adds a token to the options of a Socket.IO client.
func withAuth(opts nodetest.Opts, token string) nodetest.Opts {
	all := nodetest.Opts{"auth": nodetest.Fields{"token": token}}
	maps.Copy(all, opts)
	return all
}

// withBearer returns the options of a plain WebSocket client with a token.
func withBearer(token string) nodetest.Opts {
	return nodetest.Opts{"protocols": []string{"bearer", token}}
}

// sio and plain connect a user to the chat.
func (e *example) sio(n *nodetest.Node, name string, opts nodetest.Opts) *nodetest.Client {
	e.t.Helper()
	return n.SocketIO(e.url+"/chat", withAuth(opts, e.login(name)))
}

func (e *example) plain(n *nodetest.Node, name string) *nodetest.Client {
	e.t.Helper()
	return n.WS(e.ws("/ws/chat"), withBearer(e.login(name)))
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
