package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
)

// The key and the answer to it are the example of RFC 6455 section 1.3.
const (
	key    = "dGhlIHNhbXBsZSBub25jZQ=="
	accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// Upgrade is the request that opens a WebSocket.
func Upgrade(addr, target string) []byte {
	return []byte("GET " + target + " HTTP/1.1\r\nHost: " + addr +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n\r\n")
}

// Upgraded reads the server's answer and returns what follows it. The error is ErrShort
// while the answer is not complete.
func Upgraded(b []byte) (rest []byte, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return b, ErrShort
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b[:end+4])), nil)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the upgrade was answered %s", res.Status)
	}
	if res.Header.Get("Sec-WebSocket-Accept") != accept {
		return nil, errors.New("the upgrade was answered with a wrong Sec-WebSocket-Accept")
	}
	return b[end+4:], nil
}
