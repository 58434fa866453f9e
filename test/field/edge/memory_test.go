package edge_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// memoryProgram makes the test binary the application with little memory.
const memoryProgram = "GATEHOUSE_TEST_MEMORY"

// ballast holds as much memory as a request asks for.
type ballast struct{ held []byte }

func newBallast() *ballast { return &ballast{} }

func (b *ballast) Routes(r chi.Router) {
	r.Get("/hold/{mib}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("mib"))
		b.held = nil
		b.held = make([]byte, n<<20)
		runtime.GC()
		w.WriteHeader(http.StatusNoContent)
	})
	r.Get("/gc", func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC()
		runtime.KeepAlive(b.held)
		w.WriteHeader(http.StatusNoContent)
	})
}

// serveMemory is the main function of the program; percent is that of MemoryGuard.
func serveMemory(percent string) {
	n, _ := strconv.Atoi(percent)
	app.Main(module.New("memory", module.Exports(
		web.Controller(newBallast),
		websockets.Gateway(newLobby, websockets.Via(ws.New(), websockets.Path("/ws")), websockets.Via(socketio.New())),
	)), app.HTTP("127.0.0.1:0"), app.MemoryGuard(n), app.Logger(loggerTo(os.Stderr)), app.OnReady(func(a *app.App) {
		_, _ = os.Stdout.WriteString(a.Addr().String() + "\n")
	}))
}

// startMemory starts the program under a limit of 96 MiB, or without one.
func startMemory(t *testing.T, percent, limit string) (addr string, stop func() (log string)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), memoryProgram+"="+percent, "GOMEMLIMIT="+limit)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	return lines.Text(), func() string {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("ended with %v\n%s", err, &stderr)
		}
		return stderr.String()
	}
}

// TestMemoryGuard: while live heap and stacks are over 90 % of GOMEMLIMIT, handshakes get 503 with Retry-After; HTTP
// requests and existing connections are still served. Below 80 % handshakes are accepted again. Without a limit, or
// turned off, nothing is refused.
func TestMemoryGuard(t *testing.T) {
	for name, tt := range map[string]struct {
		percent, limit string
		guarded        bool
	}{
		"default": {"0", "96MiB", true}, "own share": {"70", "128MiB", true},
		"turned off": {"-1", "96MiB", false}, "no limit": {"0", "off", false},
	} {
		t.Run(name, func(t *testing.T) {
			addr, stop := startMemory(t, tt.percent, tt.limit)
			get := func(path string) {
				t.Helper()
				p := rawpeer.Dial(t, addr)
				defer p.Close()
				p.Write(rawpeer.Request(http.MethodGet, path) + "\r\n")
				if a := p.Answer(); a.Status != http.StatusNoContent {
					t.Fatalf("%s was answered %d %s", path, a.Status, a.Body)
				}
			}
			handshake := func(target string) rawpeer.Answer {
				p := rawpeer.Dial(t, addr)
				defer p.Close()
				p.Write(rawpeer.Upgrade(target))
				return p.Answer()
			}
			// until collects and opens connections until one gets that status.
			until := func(status int) (last rawpeer.Answer) {
				for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
					get("/gc")
					if last = handshake("/ws"); last.Status == status {
						return last
					}
				}
				t.Fatalf("the last handshake was answered %d %s, want %d", last.Status, last.Body, status)
				return last
			}
			in := rawpeer.Open(t, addr, "/ws")
			get("/hold/90")
			if !tt.guarded {
				for range 30 {
					get("/gc")
					if a := handshake("/ws"); a.Status != http.StatusSwitchingProtocols {
						t.Fatalf("answered %d %s", a.Status, a.Body)
					}
				}
				in.Close()
				_ = stop()
				return
			}
			if a := until(http.StatusServiceUnavailable); a.Header.Get("Retry-After") == "" || !strings.Contains(a.Body, `"code":"overloaded"`) {
				t.Errorf("answered %v %s", a.Header, a.Body)
			}
			if a := handshake("/socket.io/?EIO=4&transport=websocket"); a.Status != http.StatusServiceUnavailable {
				t.Errorf("Socket.IO answered %d %s", a.Status, a.Body)
			}
			in.Send(`{"event":"address","data":1}`)
			in.Want(`{"event":"address","data":"127.0.0.1"}`)
			get("/hold/1")
			until(http.StatusSwitchingProtocols)
			in.Close()
			log := stop()
			if n, m := strings.Count(log, "memory usage is high"), strings.Count(log, "memory usage is normal again"); n != 1 || m != 1 {
				t.Errorf("%d and %d lines, want one for each change:\n%s", n, m, log)
			}
		})
	}
	if _, err := app.New(module.New("empty"), app.MemoryGuard(101)); err == nil || !strings.Contains(err.Error(), "app: MemoryGuard(101)") {
		t.Errorf("got %v", err)
	}
}
