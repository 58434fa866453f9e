package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// The environment of the server process of TestStorm.
const (
	serverAddress = "CLIENT_TEST_SERVER"
	serverRecord  = "CLIENT_TEST_RECORD"
	serverPage    = "CLIENT_TEST_PAGE"
)

// TestMain runs the tests, or the server of TestStorm.
func TestMain(m *testing.M) {
	if addr := os.Getenv(serverAddress); addr != "" {
		serveUntilKilled(addr)
	}
	goleak.VerifyTestMain(m)
}

// serveUntilKilled serves a kitchen that writes each number of once to a file.
func serveUntilKilled(addr string) {
	r := newRecord()
	r.page = os.Getenv(serverPage)
	var err error
	if r.file, err = os.OpenFile(os.Getenv(serverRecord), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	app.Main(moduleOf(r), app.HTTP(addr), app.Logger(slog.New(slog.DiscardHandler)))
	os.Exit(1)
}

// long reports whether the tests have their long form.
func long() bool { return os.Getenv("CLIENT_LONG") != "" }

// stormServer is a process that is killed and started again at the same address.
type stormServer struct {
	*testing.T

	addr, file, page string
	cmd              *exec.Cmd
	stderr           testkit.Log
}

func (s *stormServer) start() {
	s.Helper()
	s.cmd = exec.CommandContext(context.Background(), os.Args[0])
	s.cmd.Env = append(os.Environ(), serverAddress+"="+s.addr, serverRecord+"="+s.file, serverPage+"="+s.page)
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
}

// kill ends it by SIGKILL.
func (s *stormServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// handled returns how often each number was handled, and how many times that is in all.
func (s *stormServer) handled() (times map[int]int, all int) {
	s.Helper()
	times = map[int]int{}
	file, err := os.Open(s.file)
	if err != nil {
		return times, 0 // the process has not made it yet
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); all++ {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			s.Fatal(err)
		}
		times[n]++
	}
	return times, all
}

// TestStorm: while connections are cut, and the server process is killed and started again, each of 1,000 calls has its result, or is
// rejected because the connection was lost; the server handles none twice. Each attempt to connect has a token of its own, which lives for
// 2 s. The server is killed 4 times, with CLIENT_LONG=1 20 times. In Node and in Chromium.
func TestStorm(t *testing.T) {
	kills, cuts := 4, 8
	if long() {
		kills, cuts = 20, 20
	}
	eachRuntime(t, func(t *testing.T, platform string, r *record, start func(scenario, platform, url string) player) {
		s := &stormServer{T: t, addr: testkit.FreeAddress(t), file: filepath.Join(t.TempDir(), "record"), page: r.page}
		s.start()
		defer func() { s.kill() }()
		p := newProxy(t, s.addr)
		testkit.Eventually(t, "the server: "+s.stderr.String(), func() bool { return answers(t, p.url()) })
		played := start("storm", platform, p.url())
		killed := 0
		for n := range kills + cuts {
			// Calls are handled since the last time, so that each cut breaks a connection.
			_, seen := s.handled()
			testkit.Eventually(t, "a call, or the end: "+s.stderr.String(), func() bool {
				_, now := s.handled()
				return now > seen+10 || played.over()
			})
			if played.over() {
				break
			}
			if (n+1)*kills/(kills+cuts) > killed {
				killed++
				s.kill()
				s.start()
			} else {
				p.cut()
			}
		}
		var got struct {
			Results                  map[int]string
			Opened, Attempts, Tokens int
		}
		if err := json.Unmarshal(decode[json.RawMessage](t, played), &got); err != nil {
			t.Fatal(err)
		}
		handled, _ := s.handled()
		lost := 0
		for n := range 1000 {
			times := handled[n]
			switch result := got.Results[n]; {
			case times > 1:
				t.Errorf("call %d was handled %d times", n, times)
			case result == "disconnected":
				lost++
			case result != "resolved 1" || times != 1:
				t.Errorf("call %d: %s, handled %d times", n, result, times)
			}
		}
		if len(got.Results) != 1000 || killed != kills || got.Opened <= kills {
			t.Errorf("%d results over %d connections, the server was killed %d times", len(got.Results), got.Opened, killed)
		}
		if got.Tokens != got.Attempts {
			t.Errorf("%d tokens for %d attempts", got.Tokens, got.Attempts)
		}
		t.Logf("%d servers killed, %d attempts, %d connections, %d calls lost", killed, got.Attempts, got.Opened, lost)
	})
}

// TestDrain: clients of an application that stops connect to the next one, none before the time that it was given. There are 40 of them, with
// CLIENT_LONG=1 200, of which 95 % must be connected a second later. In Node and in Chromium, which delays connections of its own when it
// makes many to one host: there, the 200 clients must have tried by then.
func TestDrain(t *testing.T) {
	scenario, rate := "drain", 20
	if long() {
		scenario, rate = "drainMany", 100
	}
	eachRuntime(t, func(t *testing.T, platform string, r *record, start func(scenario, platform, url string) player) {
		a := serve(t, r, "127.0.0.1:0", app.DrainRate(rate), app.StopTimeout(20*time.Second))
		p := newProxy(t, a.Addr().String())
		played := start(scenario, platform, p.url())
		played.want("stop")
		next := serve(t, newRecord(), "127.0.0.1:0")
		defer stop(t, next)
		p.point(next.Addr().String())
		stop(t, a)
		late, slow := 0, 0 // a second after their time: not connected; have not tried
		clients := decode[[]struct {
			After, Tried, Back int
			Last               string
		}](t, played)
		for i, c := range clients {
			// The clocks of timers and of Date differ by less than a few milliseconds.
			const tolerance = 5
			if c.After == 0 || c.Tried < c.After-tolerance || c.Last != "again" {
				t.Errorf("client %d: %s", i, fmt.Sprintf("%+v", c))
			}
			if c.Back > c.After+1000 {
				late++
			}
			if c.Tried > c.After+1000 {
				slow++
			}
		}
		inBrowser := r.page != ""
		if most := len(clients) / 20; long() && (slow > most || late > most && !inBrowser) { // elsewhere machines are too busy for times
			t.Errorf("of %d clients %d are not connected a second after their time, and %d have not tried", len(clients), late, slow)
		}
		t.Logf("%d clients, %d of them not connected a second after their time, %d have not tried", len(clients), late, slow)
	})
}

// answers reports whether a server answers requests.
func answers(t *testing.T, url string) bool {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/token", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}
