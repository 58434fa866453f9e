package test_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/browsertest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// exampleCluster is a running `make cluster`.
type exampleCluster struct {
	*testing.T

	cmd    *exec.Cmd
	cancel context.CancelFunc
	log    *testkit.Log
	ended  chan struct{} // closed when the script and what it started have ended
	err    error         // of the script, then
	dir    string        // of its files
	pids   map[string]int
	urls   map[string]string // of nodes, and of the proxy as ""
}

// startCluster runs the script of `make cluster`, with race detectors in the nodes, until the test ends.
func startCluster(t *testing.T, env ...string) *exampleCluster {
	t.Helper()
	if err := exec.CommandContext(t.Context(), need.Program(t, "", "bash"), "-c", "((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501))").Run(); err != nil {
		need.Met(t, fmt.Errorf("scripts/cluster needs bash 5.1 or newer: %w", err))
	}
	ports := freePorts(t, 7)
	c := &exampleCluster{
		T: t, log: &testkit.Log{}, ended: make(chan struct{}), dir: t.TempDir(), pids: map[string]int{},
		urls: map[string]string{"": "http://127.0.0.1:" + ports[6]},
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.cmd = exec.CommandContext(ctx, filepath.Join(need.Root(t), "scripts", "cluster"))
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.Env = append(append(os.Environ(), "GOFLAGS=-race", "TMPDIR="+c.dir,
		"PORTS="+strings.Join(ports[:3], " "), "ROUTES="+strings.Join(ports[3:6], " "), "PROXY_PORT="+ports[6]), env...)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stdout, c.cmd.Stderr = write, write
	if err := errors.Join(c.cmd.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		for s := bufio.NewScanner(read); s.Scan(); { // until all processes have ended
			_, _ = io.WriteString(c.log, s.Text()+"\n")
		}
		_ = read.Close()
		c.err = c.cmd.Wait()
	}()
	t.Cleanup(func() {
		cancel()
		c.wait()
		if t.Failed() {
			t.Logf("the cluster:\n%s", c.log)
		}
	})
	for i, port := range ports[:3] {
		c.urls["node-"+strconv.Itoa(i+1)] = "http://127.0.0.1:" + port
	}
	return c
}

// building is how long the script may take to start: the first run builds all.
const building = 5 * time.Minute

// running waits until all nodes listen.
func (c *exampleCluster) running() *exampleCluster {
	c.Helper()
	if !testkit.Within(building, func() bool {
		select {
		case <-c.ended:
			c.Fatalf("the cluster has ended:\n%s", c.log)
		default:
		}
		return len(c.log.Lines("cluster: running")) > 0
	}) {
		c.Fatalf("the cluster does not run:\n%s", c.log)
	}
	for _, line := range c.log.Lines("cluster: ", " is process ") {
		name, pid, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "cluster: ")), " is process ")
		number, err := strconv.Atoi(pid)
		if err != nil {
			c.Fatal(err)
		}
		c.pids[name] = number
	}
	return c
}

// wait waits until the script and all that it started have ended, and returns its error.
func (c *exampleCluster) wait() error {
	c.Helper()
	return c.waitFor(testkit.Patience)
}

func (c *exampleCluster) waitFor(limit time.Duration) error {
	c.Helper()
	select {
	case <-c.ended:
	case <-time.After(limit):
		c.Errorf("the cluster does not stop:\n%s", c.log)
		_ = c.cmd.Process.Kill()
		return nil
	}
	return c.err
}

// stop is Ctrl-C. Nothing remains.
func (c *exampleCluster) stop() {
	c.Helper()
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		c.Fatal(err)
	}
	if err := c.wait(); err != nil {
		c.Errorf("the script has ended with %v", err)
	}
	for _, wrong := range []string{"DATA RACE", "panic", "level=ERROR"} {
		for _, line := range c.log.Lines(wrong) {
			if !strings.Contains(line, "NATS server") { // which logs routes to nodes that are killed, or stop at once
				c.Errorf("the log has %q", line)
			}
		}
	}
	c.empty()
}

// empty: the script has removed its files.
func (c *exampleCluster) empty() {
	c.Helper()
	if files, err := os.ReadDir(c.dir); err != nil || len(files) > 0 {
		c.Errorf("files remain: %v, %v", files, err)
	}
}

// freePorts returns different ports that are free.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for len(ports) < n {
		if port := testkit.FreePort(t); !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}

// A room spans the nodes. When one is killed, its page has no connection; a page behind the proxy
// is on another node at once.
func TestExampleCluster(t *testing.T) {
	needPage(t)
	need.Program(t, "NGINX", "nginx")
	b := browsertest.Start(t)
	c := startCluster(t, "PROXY=nginx").running()

	web := b.Open(c.urls[""] + "/")
	logIn(web, "Web")
	web.WaitText("#state", "Connected over Socket.IO to node-")
	killed := nodeOf(web)
	other := map[string]string{"node-1": "node-2", "node-2": "node-3", "node-3": "node-1"}[killed]
	ann, bob := b.Open(c.urls[killed]+"/"), b.Open(c.urls[other]+"/")
	logIn(ann, "Ann")
	ann.WaitText("#state", "to "+killed)
	logIn(bob, "Bob")
	bob.Click("label:has([value=ws])")
	bob.WaitText("#state", "Connected over plain WebSocket to "+other)

	for _, p := range []*browsertest.Page{web, ann, bob} {
		joinRoom(p)
	}
	ann.WaitText("#messages", "Bob joined")
	say(ann, "from "+killed)
	say(bob, "from "+other)
	for _, p := range []*browsertest.Page{web, ann, bob} {
		p.WaitText("#messages", "from "+killed)
		p.WaitText("#messages", "from "+other)
	}
	for _, p := range []*browsertest.Page{web, ann, bob} {
		p.WaitText("#count", "(3)") // those of all nodes
	}
	bob.Screenshot(filepath.Join(screenshots(t), "cluster.png"))

	process, err := os.FindProcess(c.pids[killed])
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	ann.WaitText("#state", "again") // no other server has its address
	testkit.Eventually(t, "the page behind the proxy is on another node", func() bool {
		node := nodeOf(web)
		return node != "" && node != killed
	})
	bob.WaitText("#messages", "Web joined")
	say(bob, "still here")
	web.WaitText("#messages", "still here")
	bob.WaitText("#count", "(2)") // when the node counts as dead
	ann.Screenshot(filepath.Join(screenshots(t), "cluster-killed.png"))
	web.Screenshot(filepath.Join(screenshots(t), "cluster-moved.png"))
	if lines := c.log.Lines("cluster: " + killed + " was killed; the others go on"); len(lines) != 1 {
		t.Errorf("the script writes %q", lines)
	}
	c.stop()
}

// nodeOf returns the node of a page that is connected, or "".
func nodeOf(p *browsertest.Page) string {
	_, node, _ := strings.Cut(p.Text("#state"), " to ")
	return node
}

func say(p *browsertest.Page, text string) {
	p.Fill("#text", text)
	p.Click("#send")
}

// The same over Redis, which the script starts and stops.
func TestExampleClusterOverRedis(t *testing.T) {
	needPage(t)
	need.Program(t, "REDIS_SERVER", "redis-server")
	b := browsertest.Start(t)
	c := startCluster(t, "ENGINE=redis").running()
	ann, bob := b.Open(c.urls["node-1"]+"/"), b.Open(c.urls["node-3"]+"/")
	for _, p := range []*browsertest.Page{ann, bob} {
		logIn(p, "Ann")
		p.WaitText("#state", "Connected")
		joinRoom(p)
	}
	say(ann, "over Redis")
	bob.WaitText("#messages", "over Redis")
	if connected := c.log.Lines("backplane is connected", "backplane=redis"); len(connected) != 3 {
		t.Errorf("connected: %q", connected)
	}
	c.stop()
}

// A node that cannot start stops all.
func TestExampleClusterFails(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	free := freePorts(t, 2)
	c := startCluster(t, "PORTS="+strings.Join([]string{free[0], free[1], port}, " "))
	exit, ok := errors.AsType[*exec.ExitError](c.waitFor(building))
	if !ok || exit.ExitCode() != 1 {
		t.Errorf("the script has ended with %v", c.err)
	}
	for _, want := range []string{"address already in use", "cluster: node-3 has ended with status 1: stopping the others"} {
		if lines := c.log.Lines(want); len(lines) == 0 {
			t.Errorf("no line %q", want)
		}
	}
	if stopped := c.log.Lines("msg=stopped"); len(stopped) < 2 {
		t.Errorf("stopped: %q", stopped)
	}
	for _, p := range free {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if resp, err := client.Get("http://127.0.0.1:" + p + "/livez"); err == nil {
			_ = resp.Body.Close()
			t.Error("a node still runs")
		}
	}
	c.empty()
}
