package protocol_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// exchange is one HTTP request on a separate connection, so that it can stop half way and be
// cancelled.
type exchange struct {
	t       *testing.T
	conn    net.Conn
	read    *bufio.Reader
	request *http.Request
	written chan struct{}
}

// answer is the response. Without a status the connection closed.
type answer struct {
	status int
	header http.Header
	body   string
}

// startExchange sends the head of a request. The headers are lines.
func startExchange(t *testing.T, addr, method, path string, headers ...string) *exchange {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	x := &exchange{t: t, conn: conn, read: bufio.NewReader(conn), request: &http.Request{Method: method}, written: make(chan struct{})}
	close(x.written)
	lines := append([]string{method + " " + path + " HTTP/1.1", "Host: " + addr}, headers...)
	x.write(strings.Join(lines, "\r\n") + "\r\n\r\n")
	return x
}

// write sends more of the body. A server that has answered may stop reading, so errors show in
// the answer only.
func (x *exchange) write(s string) {
	<-x.written
	x.written = make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		_, _ = io.WriteString(x.conn, s)
	}(x.written)
}

// cancel closes the connection, like a browser that aborts a request.
func (x *exchange) cancel() {
	<-x.written
	x.conn.Close()
}

// answer waits for the response.
func (x *exchange) answer() answer {
	x.t.Helper()
	defer func() { x.conn.Close(); <-x.written }()
	res, err := http.ReadResponse(x.read, x.request)
	for err == nil && res.StatusCode == 100 {
		res, err = http.ReadResponse(x.read, x.request)
	}
	if err != nil {
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			x.t.Fatalf("no response to the %s within %v", x.request.Method, patience)
		}
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatalf("the body of the response to the %s: %v, after %q", x.request.Method, err, body)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// send sends a complete request with a body of known length.
func send(t *testing.T, addr, method, path, body string, headers ...string) *exchange {
	t.Helper()
	if body != "" || method == http.MethodPost {
		headers = append(headers, fmt.Sprint("Content-Length: ", len(body)))
	}
	x := startExchange(t, addr, method, path, headers...)
	if body != "" {
		x.write(body)
	}
	return x
}

// head returns the response without its body, and closes the connection.
func (x *exchange) head() *http.Response {
	x.t.Helper()
	defer x.cancel()
	res, err := http.ReadResponse(x.read, x.request)
	if err != nil {
		x.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}
