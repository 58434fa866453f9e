package deploy_test

import (
	"crypto/rand"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// protocolHeader is added by the proxies of the tests: the version of HTTP between client and proxy.
const protocolHeader = "X-Client-Protocol"

// place is what a test changes of a configuration of the page.
type place struct {
	listen       string // host and port of the proxy
	crt, key     string // the files of the certificate
	pem          string // both in one
	socket, port string // of the application: one of them
	keepPath     bool   // the application sees /chat
	timeout      string // instead of 60s
}

// change is a text of the page and what the test has in its place.
type change struct{ from, to string }

func (c change) in(t *testing.T, text string) string {
	t.Helper()
	if !strings.Contains(text, c.from) {
		t.Fatalf("the page does not have %q", c.from)
	}
	return strings.ReplaceAll(text, c.from, c.to)
}

// kind is a kind of proxy.
type kind struct {
	name, variable string // the program, as for need.Program
	language       string // of the blocks on the page
	port8080       string // in the block for two nodes
	before, after  string // around the block: what keeps the program in its folder
	args           func(dir, file string) []string
	changes        func(p place) []change
	end            os.Signal // ends it at once, with all of its processes
	timeouts       bool      // it ends connections that are silent
	h2             bool      // it accepts WebSockets over HTTP/2
}

var kinds = []kind{
	{
		name: "nginx", variable: "NGINX", language: "nginx", port8080: "listen 8080", end: syscall.SIGTERM, timeouts: true,
		before: workers() + "pid nginx.pid; events {}\nhttp {\naccess_log off;\n" +
			"client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n",
		after: "}\n",
		args: func(dir, file string) []string {
			return []string{"-p", dir, "-e", "stderr", "-c", file, "-g", "daemon off;"}
		},
		changes: func(p place) []change {
			c := []change{
				{"listen 443 ", "listen " + p.listen + " "},
				{"/etc/tls/tls.crt", p.crt},
				{"/etc/tls/tls.key", p.key},
				{"proxy_http_version 1.1;", "proxy_http_version 1.1; proxy_set_header " + protocolHeader + " $server_protocol;"},
				{"_timeout 60s", "_timeout " + p.timeout},
			}
			if p.keepPath {
				c = append(c, change{"http://chat/;", "http://chat;"})
			}
			if p.port != "" {
				return append(c, change{"unix:/run/chat/http.sock", p.port})
			}
			return append(c, change{"/run/chat/http.sock", p.socket})
		},
	},
	{
		name: "haproxy", variable: "HAPROXY", language: "haproxy", port8080: "bind :8080", end: os.Kill, timeouts: true, h2: true,
		args: func(_, file string) []string { return []string{"-db", "-f", file} },
		changes: func(p place) []change {
			c := []change{
				{"bind :443 ", "bind " + p.listen + " "},
				{"/etc/tls/tls.pem", p.pem},
				{"option forwardfor", "option forwardfor\n  http-request set-header " + protocolHeader + " HTTP/%[req.ver]"},
				{" 60s", " " + p.timeout},
			}
			if p.keepPath {
				c = append(c, change{`http-request replace-path /chat(/.*) \1`, ""})
			}
			if p.port != "" {
				return append(c, change{"unix@/run/chat/http.sock", p.port})
			}
			return append(c, change{"/run/chat/http.sock", p.socket})
		},
	},
	{
		name: "caddy", variable: "CADDY", language: "caddyfile", end: os.Kill,
		before: "{\nadmin off\nauto_https disable_redirects\n}\n",
		args:   func(_, file string) []string { return []string{"run", "--adapter", "caddyfile", "--config", file} },
		changes: func(p place) []change {
			c := []change{
				{"chat.example.com {", "https://" + p.listen + " {"},
				{"/etc/tls/tls.crt", p.crt},
				{"/etc/tls/tls.key", p.key},
			}
			if p.keepPath {
				c = append(c, change{"handle_path", "handle"})
			}
			to := p.port
			if to == "" {
				to = "unix/" + p.socket
			}
			return append(c, change{"unix//run/chat/http.sock", to + " {\nheader_up " + protocolHeader + " {http.request.proto}\n}"})
		},
	},
}

// workers has nginx's workers run as the user of the test, since only it can read the test's folders.
func workers() string {
	if os.Geteuid() == 0 {
		return "user root; "
	}
	return "" // they do
}

// proxy is a running proxy.
type proxy struct {
	kind

	scheme      string
	listen, url string // host and port, and with the scheme
	cert        testkit.Certificate
	ca          string      // the certificate as clients in Node take it
	tls         *tls.Config // of clients in Go
	log         *testkit.Log

	cmd   *exec.Cmd
	ended chan struct{}
}

// run starts a proxy with the page's configuration for TLS, until the test ends.
func (k kind) run(t *testing.T, p place) *proxy {
	t.Helper()
	x := &proxy{kind: k, scheme: "https", cert: testkit.NewCertificate(t, k.name, time.Now().Add(time.Hour))}
	x.ca = string(x.cert.Cert)
	x.tls = &tls.Config{RootCAs: x.cert.Pool(), MinVersion: tls.VersionTLS12}
	dir := t.TempDir()
	p.crt, p.key = x.cert.Write(t, dir)
	p.pem = filepath.Join(dir, "tls.pem")
	if err := os.WriteFile(p.pem, append(append([]byte{}, x.cert.Cert...), x.cert.Key...), 0o600); err != nil {
		t.Fatal(err)
	}
	if p.timeout == "" {
		p.timeout = "60s"
	}
	x.startAt(t, func(listen string) string {
		p.listen = listen
		return k.config(t, p)
	})
	return x
}

// balance starts a proxy with the page's configuration for two nodes, until the test ends.
func (k kind) balance(t *testing.T, nodes ...string) *proxy {
	t.Helper()
	x := &proxy{kind: k, scheme: "http"}
	x.startAt(t, func(listen string) string {
		text := block(t, balancers, k.language)
		for _, c := range []change{{"10.0.0.1:3000", nodes[0]}, {"10.0.0.2:3000", nodes[1]}, {k.port8080, strings.Fields(k.port8080)[0] + " " + listen}} {
			text = c.in(t, text)
		}
		return k.before + text + k.after
	})
	return x
}

// startAt starts the program with the configuration for an address.
func (x *proxy) startAt(t *testing.T, config func(listen string) string) {
	t.Helper()
	program := need.Program(t, x.variable, x.name)
	dir := t.TempDir()
	file := filepath.Join(dir, x.name+".conf")
	t.Cleanup(x.kill)
	for range 5 { // another process may take the port meanwhile
		x.listen = freeAddresses(t, 1)[0]
		x.url = x.scheme + "://" + x.listen
		if err := os.WriteFile(file, []byte(config(x.listen)), 0o600); err != nil {
			t.Fatal(err)
		}
		if x.start(t, program, dir, file) {
			return
		}
	}
	t.Fatalf("%s does not start:\n%s", x.name, x.log)
}

// config returns the page's configuration for a place.
func (k kind) config(t *testing.T, p place) string {
	t.Helper()
	text := block(t, frontends, k.language)
	for _, c := range k.changes(p) {
		text = c.in(t, text)
	}
	return k.before + text + k.after
}

// start starts the program, and reports whether it serves with its certificate.
func (x *proxy) start(t *testing.T, program, dir, file string) bool {
	t.Helper()
	x.log = &testkit.Log{}
	x.cmd = exec.Command(program, x.args(dir, file)...)
	x.cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	x.cmd.Stdout, x.cmd.Stderr = x.log, x.log
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(x.cmd, x.ended)
	serves := false
	testkit.Within(testkit.Patience, func() bool {
		if serves = x.connects(); serves {
			return true
		}
		select {
		case <-x.ended:
			return true
		default:
			return false
		}
	})
	if !serves {
		x.kill()
	}
	return serves
}

// connects reports whether the proxy accepts connections.
func (x *proxy) connects() bool {
	var c net.Conn
	var err error
	if x.tls != nil {
		c, err = tls.Dial("tcp", x.listen, x.tls)
	} else {
		c, err = net.Dial("tcp", x.listen)
	}
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// kill ends the proxy at once.
func (x *proxy) kill() {
	if x.cmd == nil {
		return
	}
	_ = x.cmd.Process.Signal(x.end)
	late := time.AfterFunc(testkit.Patience, func() { _ = x.cmd.Process.Kill() })
	defer late.Stop()
	<-x.ended
}

// seconds is a duration as all three programs read it.
func seconds(d time.Duration) string { return strconv.Itoa(int(d/time.Second)) + "s" }

// ws returns the URL for WebSockets.
func (x *proxy) ws() string { return "ws" + strings.TrimPrefix(x.url, "http") }

// large is more than what buffers of proxies and the windows of HTTP/2 contain.
func large(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, 70_000)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// eachKind runs a test for each proxy, in parallel.
func eachKind(t *testing.T, test func(t *testing.T, k kind)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}
