package churn_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// caller sends HTTP requests over one connection. An http.Client would take more CPU than the
// server.
type caller struct {
	addr string
	conn net.Conn
	read *bufio.Reader
}

func (c *caller) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// do returns the body of the response, or an error if the status differs.
func (c *caller) do(status int, method, target, body string) ([]byte, error) {
	got, b, err := c.roundTrip(method, target, body)
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s %s: %w", method, target, err)
	}
	if got != status {
		return nil, fmt.Errorf("%s %s: status %d, want %d: %.200s", method, target, got, status, b)
	}
	return b, nil
}

func (c *caller) roundTrip(method, target, body string) (int, []byte, error) {
	if c.conn == nil {
		conn, err := dial(c.addr)
		if err != nil {
			return 0, nil, err
		}
		c.conn, c.read = conn, bufio.NewReaderSize(conn, 1024)
	}
	_ = c.conn.SetDeadline(time.Now().Add(testkit.Patience))
	if _, err := io.WriteString(c.conn, request(method, target, c.addr, body)); err != nil {
		return 0, nil, err
	}
	res, err := http.ReadResponse(c.read, nil)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if res.Close {
		c.close()
	}
	return res.StatusCode, b, err
}

func request(method, target, host, body string) string {
	head := method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n"
	if method == http.MethodPost {
		head += fmt.Sprintf("Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n", len(body))
	}
	return head + "\r\n" + body
}

func dial(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, testkit.Patience) }

// reset closes a connection with RST.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// poller is a session over polling.
type poller struct {
	c      *caller
	target string
}

const pollingTarget = "/socket.io/?EIO=4&transport=polling"

func openPolling(c *caller) (*poller, error) {
	b, err := c.do(http.StatusOK, http.MethodGet, pollingTarget, "")
	if err != nil {
		return nil, err
	}
	sid, err := sidOf(b)
	return &poller{c, pollingTarget + "&sid=" + sid}, err
}

// sidOf returns the sid in the open packet, or in the answer to CONNECT.
func sidOf(packet []byte) (string, error) { return field(packet, "sid") }

func field(packet []byte, name string) (string, error) {
	_, rest, ok := bytes.Cut(packet, []byte(`"`+name+`":"`))
	value, _, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return "", fmt.Errorf("no %s in %q", name, packet)
	}
	return string(value), nil
}

func (p *poller) post(packet string) error {
	_, err := p.c.do(http.StatusOK, http.MethodPost, p.target, packet)
	return err
}

// poll waits for a packet with the prefix.
func (p *poller) poll(prefix string) error {
	for {
		b, err := p.c.do(http.StatusOK, http.MethodGet, p.target, "")
		if err != nil {
			return err
		}
		for packet := range strings.SplitSeq(string(b), "\x1e") {
			switch {
			case strings.HasPrefix(packet, prefix):
				return nil
			case packet == "2":
				err = p.post("3")
			case packet != "6":
				err = fmt.Errorf("poll: got %q, want %s", packet, prefix)
			}
			if err != nil {
				return err
			}
		}
	}
}

// enter connects to the main namespace.
func (p *poller) enter() error {
	if err := p.post("40"); err != nil {
		return err
	}
	return p.poll("40")
}

// awaitEnd waits until the server closes the session. A later poll finds no session.
func (p *poller) awaitEnd() error {
	status, b, err := p.c.roundTrip(http.MethodGet, p.target, "")
	if err == nil && (status != http.StatusOK || string(b) != "1") && status != http.StatusBadRequest {
		err = fmt.Errorf("the poll was answered %d %q, want the close", status, b)
	}
	return err
}
