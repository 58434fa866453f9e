package redis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

const (
	// soon limits a call that fails.
	soon = 300 * time.Millisecond
	// startTime is long enough for one attempt to connect, which a Redis that does not respond ends after 2 s, but on
	// a loaded machine.
	startTime = 2500 * time.Millisecond
)

// startError returns the error of an engine that cannot connect.
func startError(t *testing.T, opts ...redis.Option) string {
	t.Helper()
	for wait := startTime; ; wait *= 4 {
		n := newNode(t, opts...)
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		err := n.Start(ctx, n.self, n)
		cancel()
		if err == nil {
			t.Fatal("Start returns no error")
		}
		if wait > testkit.Patience || !strings.HasSuffix(err.Error(), ": not connected") { // otherwise no attempt has ended
			return err.Error()
		}
	}
}

// Errors name the address and the reason, and never the password.
func TestErrorsOfStart(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "secret")
	closed := testkit.FreeAddress(t)
	for _, c := range []struct {
		name  string
		opts  []redis.Option
		words []string
	}{
		{"no server", []redis.Option{redis.URL("redis://user:passw0rd@" + closed + "/3")}, []string{"not connected", "redis at " + closed, "connection refused"}},
		{"unix socket", []redis.Option{redis.Address("/nowhere/redis.sock")}, []string{"redis at /nowhere/redis.sock", "no such file"}},
		{"wrong password", []redis.Option{redis.Address(server.Address), redis.Credentials("", "passw0rd")}, []string{server.Address, "WRONGPASS"}},
		{"no password", []redis.Option{redis.Address(server.Address)}, []string{server.Address, "NOAUTH"}},
		{"no TLS there", []redis.Option{redis.Address(server.Address), redis.TLS(nil)}, []string{server.Address, "does not respond"}},
		{"URL", []redis.Option{redis.URL("http://user:passw0rd@host"), redis.Prefix("")}, []string{"redis: URL: it is not of the form redis://user:password@host:6379: correct it"}},
		{"URL with a space", []redis.Option{redis.URL("redis://user:passw0rd@ho st")}, []string{"redis: URL: "}},
		{"empty URL", []redis.Option{redis.URL("")}, []string{"redis: URL is empty: set the variable that it is from, or leave the option out for localhost:6379"}},
		{"no address", []redis.Option{redis.Address()}, []string{"redis: Address: there is none"}},
		{"two addresses", []redis.Option{redis.Address("a:1", "b:2")}, []string{"redis: 2 addresses: pass redis.Cluster()"}},
		{"prefix", []redis.Option{redis.Prefix("a*")}, []string{`redis: Prefix "a*": it is empty or has`}},
		{"sentinels", []redis.Option{redis.Address(closed), redis.Client(func(o *rueidis.ClientOption) { o.Sentinel.MasterSet = "main" })}, []string{"redis main of the sentinels " + closed, "connection refused"}},
		{"cluster", []redis.Option{redis.Address(closed, closed), redis.Cluster()}, []string{"redis at " + closed, "connection refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they wait
			got := startError(t, c.opts...)
			if strings.Contains(got, "passw0rd") || strings.Contains(got, "secret") {
				t.Errorf("the error has a password: %s", got)
			}
			for _, w := range c.words {
				if !strings.Contains(got, w) {
					t.Errorf("%q, want %q in it", got, w)
				}
			}
		})
	}
}

// A Redis that accepts connections and does not answer holds up neither Start nor Stop.
func TestStartWhileFrozen(t *testing.T) {
	before := goleak.IgnoreCurrent()
	server := redistest.Start(t)
	server.Freeze()
	var n *node
	prompt(t, "Start", func() time.Duration {
		n = newNode(t, redis.Address(server.Address))
		started := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if err := n.Start(ctx, n.self, n); !errors.Is(err, redis.ErrNotConnected) {
			t.Errorf("Start: %v", err)
		}
		took := time.Since(started)
		n.stop()
		return took
	})
	prompt(t, "Stop", func() time.Duration {
		n = newNode(t, redis.Address(server.Address))
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		_ = n.Start(ctx, n.self, n)
		return n.stopTakes()
	})
	server.Kill()
	leaktest.None(t, before)
}

// While Redis answers nothing, a Send returns within 2 s. Then the connection counts as lost, so
// that the framework keeps what follows; it is made again when Redis answers.
func TestFrozen(t *testing.T) {
	server := redistest.Start(t)
	a, b := start(t, redis.Address(server.Address)), start(t, redis.Address(server.Address))
	a.send(1)
	b.want(1)
	server.Freeze()
	atMost(t, "Send", 2*time.Second, func() {
		if err := a.Send(patient(t), a.events(1, 10)); err == nil || !strings.Contains(err.Error(), "does not respond") {
			t.Errorf("Send: %v", err)
		}
	})
	a.wantLinks(2, false)
	atMost(t, "Interest", 2*time.Second, func() {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := b.Interest(ctx, []string{"late"}, nil); err == nil {
			t.Error("Interest returns no error")
		}
	})
	b.wantLinks(2, false)
	atMost(t, "Send without a connection", soon, func() {
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if err := a.Send(ctx, a.events(1, 10)); !errors.Is(err, redis.ErrNotConnected) {
			t.Errorf("Send without a connection: %v", err)
		}
	})
	server.Thaw()
	a.wantLinks(3, true)
	b.wantLinks(3, true)
	a.send(1)
	b.want(a.seq)
}

// A node whose Redis is frozen notices it without sending anything.
func TestFrozenWhileIdle(t *testing.T) {
	server := redistest.Start(t)
	prompt(t, "Stop", func() time.Duration {
		n := start(t, redis.Address(server.Address))
		server.Freeze()
		defer server.Thaw()
		n.wantLinks(2, false)
		n.cond.Lock()
		err := n.err
		n.cond.Unlock()
		if err == nil || !strings.Contains(err.Error(), "does not respond") {
			t.Errorf("Link: %v", err)
		}
		return n.stopTakes()
	})
}

// What is lost when the connection of a subscriber ends again and again is what the numbers say.
func TestSubscriberIsKilled(t *testing.T) {
	server := redistest.Start(t, "--client-output-buffer-limit", "pubsub 1mb 0 0")
	for _, c := range []struct {
		name   string
		rounds int
		size   int
		cut    func()
	}{
		{"CLIENT KILL", rounds(t, 12), 100, func() { server.Do("CLIENT", "KILL", "TYPE", "pubsub") }},
		{"output buffer", 5, 60_000, func() {}}, // 15 MB in a pipeline
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newNode(t, redis.Address(server.Address)), start(t, redis.Address(server.Address))
			if err := a.Start(patient(t), a.self, a); err != nil {
				t.Fatal(err)
			}
			a.send(1)
			b.want(1) // from here on it counts
			for i := range c.rounds {
				c.cut()
				for reconnected := false; !reconnected; {
					if err := a.Send(patient(t), a.events(25, c.size)); err != nil {
						t.Fatal(err)
					}
					reconnected = b.cond.Wait(time.Millisecond, func() bool { return len(b.links) >= 2*i+3 })
				}
				for arrived := false; !arrived; { // it may be cut again
					a.send(5)
					arrived = b.cond.Wait(100*time.Millisecond, func() bool { return b.last >= a.seq })
				}
			}
			b.cond.Update(func() {
				if b.received+b.gaps != int(a.seq) || b.gaps == 0 {
					t.Errorf("received %d and %d missing, of %d", b.received, b.gaps, a.seq)
				}
				t.Logf("received %d and %d missing, of %d", b.received, b.gaps, a.seq)
			})
		})
	}
}

// rounds returns how often a connection is cut: REDIS_CUTS, or few.
func rounds(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("REDIS_CUTS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The user that the page describes suffices, and it uses no other command.
func TestUserWithTheCommandsOfThePage(t *testing.T) {
	server := redistest.Start(t)
	rule := "on >secret resetchannels &shop:* -@all +subscribe +unsubscribe +publish +ping"
	if got := server.Do(append([]string{"ACL", "SETUSER", "shop"}, strings.Fields(rule)...)...); got != "OK" {
		t.Fatal(got)
	}
	user := []redis.Option{redis.URL("redis://shop:secret@" + server.Address), redis.Prefix("shop")}
	server.Do("CONFIG", "RESETSTAT")
	a, b := start(t, user...), start(t, user...)
	a.send(3)
	b.want(3)
	if err := b.Interest(patient(t), []string{"more"}, []string{"more"}); err != nil {
		t.Error(err)
	}
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	a.wantLinks(3, true)
	b.wantLinks(3, true)
	a.send(1)
	b.want(4)
	allowed := map[string]bool{"hello": true, "subscribe": true, "unsubscribe": true, "publish": true, "ping": true, "client|kill": true, "config|resetstat": true, "info": true}
	for line := range strings.Lines(server.Do("INFO", "commandstats")) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":"); ok && !allowed[name] {
			t.Errorf("the engine has used %s", name)
		}
	}
	if got := server.Do("ACL", "LOG"); got != "" {
		t.Errorf("Redis has refused: %s", got)
	}
	// Another prefix is not this user's.
	other := newNode(t, redis.URL("redis://shop:secret@"+server.Address), redis.Prefix("bank"))
	if err := other.Start(patient(t), other.self, other); err != nil {
		t.Fatal(err)
	}
	want := "NOPERM this user has no permissions to access one of the channels used as arguments: the user needs the channels bank:* and the commands SUBSCRIBE, UNSUBSCRIBE, PUBLISH and PING"
	if err := other.Send(patient(t), other.events(1, 10)); err == nil || !strings.Contains(err.Error(), "PUBLISH: "+want) {
		t.Errorf("Send: %v", err)
	}
	if err := other.Interest(patient(t), []string{backplane.ChannelEvents}, nil); err == nil || !strings.Contains(err.Error(), "SUBSCRIBE: "+want) {
		t.Errorf("Interest: %v", err)
	}
	other.wantLinks(2, false) // a node that receives nothing is not connected
	if other.err == nil || strings.Count(other.err.Error(), "redis at ") != 1 || !strings.Contains(other.err.Error(), "SUBSCRIBE: "+want) {
		t.Errorf("Link: %v", other.err)
	}
	server.Do("ACL", "SETUSER", "shop", "&bank:*")
	other.wantLinks(3, true)
}

// That of SocketIO needs the channels of its key, the patterns of the namespaces as they are, PSUBSCRIBE and PUBSUB NUMSUB.
func TestUserOfSocketIO(t *testing.T) {
	server := redistest.Start(t)
	rule := "on >secret resetchannels &chat* &chat#/#* &chat#/news#* -@all +subscribe +psubscribe +unsubscribe +publish +pubsub|numsub +ping"
	if got := server.Do(append([]string{"ACL", "SETUSER", "chat"}, strings.Fields(rule)...)...); got != "OK" {
		t.Fatal(got)
	}
	engine := func(key string) (*redis.SocketIOEngine, *node) {
		e := redis.SocketIO(redis.URL("redis://chat:secret@"+server.Address), redis.Key(key))
		e.SetEndpoints([]backplane.Endpoint{{Key: 1, Platform: "socketio", Namespace: "/"}, {Key: 2, Platform: "socketio", Namespace: "/news"}})
		n := newNode(t)
		t.Cleanup(func() {
			if err := e.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return e, n
	}
	e, n := engine("chat")
	if err := e.Start(patient(t), n.self, n); err != nil {
		t.Fatal(err)
	}
	if err := e.Send(patient(t), n.events(1, 10)); err != nil {
		t.Error(err)
	}
	if got := server.Do("PUBSUB", "CHANNELS"); got != "" {
		t.Errorf("channels before Interest: %s", got)
	}
	if err := e.Interest(patient(t), []string{backplane.ChannelEvents}, nil); err != nil {
		t.Fatal(err)
	}
	if got := server.Do("PUBSUB", "CHANNELS"); !strings.Contains(got, "chat-request#/#") || !strings.Contains(got, "chat-request#/news#") || server.Do("PUBSUB", "NUMPAT") != "2" {
		t.Errorf("channels: %s", got)
	}
	if got := server.Do("ACL", "LOG"); got != "" {
		t.Errorf("Redis has refused: %s", got)
	}
	other, n := engine("other")
	if err := other.Start(patient(t), n.self, n); err != nil {
		t.Fatal(err)
	}
	if err := other.Interest(patient(t), []string{backplane.ChannelEvents}, nil); err == nil || !strings.Contains(err.Error(), "the user needs the channels other*, other#/#*, other#/news#* and the commands SUBSCRIBE, PSUBSCRIBE, PUBSUB NUMSUB, UNSUBSCRIBE, PUBLISH and PING") {
		t.Errorf("Interest: %v", err)
	}
}

// Applications with different prefixes receive nothing of each other.
func TestPrefix(t *testing.T) {
	server := redistest.Start(t)
	at := redis.Address(server.Address)
	a, b, other := start(t, at), start(t, at), start(t, at, redis.Prefix("gatehouse2"))
	a.send(2)
	b.want(2)
	other.send(1)
	if got := server.Do("PUBSUB", "CHANNELS"); !strings.Contains(got, "gatehouse:e") || !strings.Contains(got, "gatehouse2:e") {
		t.Errorf("channels: %s", got)
	}
	// What is no frame is passed on: the framework counts it.
	server.Do("PUBLISH", "gatehouse2:e", "no frame")
	if !other.cond.Wait(testkit.Patience, func() bool { return len(other.frames) == 1 && string(other.frames[0]) == "no frame" }) {
		t.Errorf("received: %q", other.frames)
	}
	a.send(1)
	b.want(3)
	if len(b.frames) != 2 || len(a.frames) != 0 || len(other.frames) != 1 {
		t.Errorf("frames: %d, %d, %d", len(a.frames), len(b.frames), len(other.frames))
	}
}

// A batch on one channel is one PUBLISH.
func TestBatch(t *testing.T) {
	server := redistest.Start(t)
	a, b := start(t, redis.Address(server.Address)), start(t, redis.Address(server.Address))
	a.send(backplane.MaxBatch)
	b.want(backplane.MaxBatch)
	if len(b.frames) != 1 {
		t.Errorf("%d frames", len(b.frames))
	}
	if got := server.Do("INFO", "commandstats"); !strings.Contains(got, "cmdstat_publish:calls=1,") {
		t.Errorf("commands: %s", got)
	}
	if got := server.Do("CLIENT", "LIST"); strings.Count(got, "name=gatehouse-"+a.self.ID) != 2 {
		t.Errorf("connections: %s", got)
	}
}

// A connection that only publishes is made again in the next Send.
func TestPublisherIsKilled(t *testing.T) {
	server := redistest.Start(t)
	a, b := start(t, redis.Address(server.Address)), start(t, redis.Address(server.Address))
	a.send(1)
	b.want(1)
	server.Do("CLIENT", "KILL", "TYPE", "normal")
	deadline := time.Now().Add(testkit.Patience)
	for time.Now().Before(deadline) {
		if err := a.Send(patient(t), a.events(1, 10)); err == nil {
			break
		}
	}
	b.want(a.seq)
}

// TLS with a certificate that only the configuration knows.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	pool := certificate(t, dir)
	server := redistest.Start(t, "--tls-port", "0")
	address := testkit.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	for _, set := range [][]string{
		{"tls-cert-file", filepath.Join(dir, "cert.pem"), "tls-key-file", filepath.Join(dir, "key.pem"), "tls-ca-cert-file", filepath.Join(dir, "cert.pem")},
		{"tls-auth-clients", "no"},
		{"tls-port", port},
	} {
		if got := server.Do(append([]string{"CONFIG", "SET"}, set...)...); got != "OK" {
			t.Fatalf("%v: %s", set, got)
		}
	}
	if got := startError(t, redis.URL("rediss://"+address)); !strings.Contains(got, "certificate") {
		t.Errorf("an unknown certificate: %s", got)
	}
	trusted := []redis.Option{redis.Address(address), redis.TLS(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})}
	prompt(t, "Stop of a node with TLS and a frozen Redis", func() time.Duration {
		a, b := start(t, trusted...), start(t, trusted...)
		a.send(5)
		b.want(5)
		server.Freeze()
		defer server.Thaw()
		return b.stopTakes()
	})
}

// certificate writes a certificate for 127.0.0.1 and its key into a folder.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

// What is at the address of Redis is none: it sends lengths of terabytes, negative ones, answers to nothing, a page of HTTP, or deep
// arrays. The engine is not connected and says why, the process goes on, and nothing is left of it.
func TestFault_F89_NotRedis(t *testing.T) {
	hello := "%1\r\n$5\r\nproto\r\n:3\r\n"
	for name, sends := range map[string]string{
		"terabytes": "$99999999999999\r\n", "negative": "$-5\r\n", "many elements": "*99999999999999\r\n", "answers to nothing": strings.Repeat(":1\r\n", 20), "HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n",
		"subscribed": hello + ">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n", "later": hello + "+OK\r\n" + strings.Repeat("$-5\r\n", 3), "deep": strings.Repeat("*1\r\n", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			defer leaktest.None(t, goleak.IgnoreCurrent())
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					b := make([]byte, 4096)
					for err == nil {
						if _, err = c.Read(b); err == nil {
							_, err = c.Write([]byte(sends))
						}
					}
					_ = c.Close()
				}
			}()
			n := newNode(t, redis.Address(l.Addr().String()))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := n.Start(ctx, n.self, n); err == nil || !strings.Contains(err.Error(), "not connected") {
				t.Errorf("Start: %v", err)
			}
			if err := n.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			_ = l.Close()
			<-served
		})
	}
}
