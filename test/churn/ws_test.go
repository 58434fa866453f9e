package churn_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

const (
	opText  = 0x1
	opClose = 0x8
)

const wsTarget = "/socket.io/?EIO=4&transport=websocket"

func upgradeRequest(target, host string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
}

// socket is a minimal WebSocket client.
type socket struct {
	conn net.Conn
	read *bufio.Reader
}

// dialWS performs the handshake.
func dialWS(addr, target string) (*socket, error) {
	conn, err := dial(addr)
	if err != nil {
		return nil, err
	}
	s := &socket{conn, bufio.NewReaderSize(conn, 512)}
	_ = conn.SetDeadline(time.Now().Add(testkit.Patience))
	if _, err := io.WriteString(conn, upgradeRequest(target, addr)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	res, err := http.ReadResponse(s.read, nil)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("handshake: status %d", res.StatusCode)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// openWS opens a session.
func openWS(addr string) (*socket, error) {
	s, err := dialWS(addr, wsTarget)
	if err != nil {
		return nil, err
	}
	if _, err := s.expect("0"); err != nil {
		return nil, errors.Join(err, s.conn.Close())
	}
	return s, nil
}

// enterWS opens a session, sends the CONNECT packet, and returns the answer.
func enterWS(addr, connect, answer string) (*socket, []byte, error) {
	s, err := openWS(addr)
	if err != nil {
		return nil, nil, err
	}
	err = s.send(connect)
	var b []byte
	if err == nil {
		b, err = s.expect(answer)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.conn.Close())
	}
	return s, b, nil
}

// enterInTime is [enterWS] for a server that soon closes a session without a namespace, or one whose pings are not
// answered: on a busy machine that may come first, before the client was connected.
func enterInTime(addr, connect, answer string) (s *socket, b []byte, err error) {
	testkit.Within(testkit.Patience, func() bool {
		s, b, err = enterWS(addr, connect, answer)
		return err == nil
	})
	return s, b, err
}

// frame returns a masked frame with a zero mask.
func frame(op byte, payload string) []byte {
	b := append(make([]byte, 0, len(payload)+8), 0x80|op)
	if len(payload) > 125 {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(payload)))
	} else {
		b = append(b, 0x80|byte(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func (s *socket) send(packet string) error {
	_, err := s.conn.Write(frame(opText, packet))
	return err
}

// next returns one frame.
func (s *socket) next() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(s.read, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(head[1] & 0x7f)
	if n == 126 {
		var long [2]byte
		if _, err := io.ReadFull(s.read, long[:]); err != nil {
			return 0, nil, err
		}
		n = int(binary.BigEndian.Uint16(long[:]))
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(s.read, payload)
	return head[0] & 0x0f, payload, err
}

// expect waits for a packet with the prefix.
func (s *socket) expect(prefix string) ([]byte, error) {
	for {
		_, b, err := s.next()
		switch {
		case err != nil:
			return nil, fmt.Errorf("waiting for %s: %w", prefix, err)
		case bytes.HasPrefix(b, []byte(prefix)):
			return b, nil
		case string(b) != "2":
			return nil, fmt.Errorf("got %q, want %s", b, prefix)
		}
		if err := s.send("3"); err != nil {
			return nil, err
		}
	}
}

// close sends a close frame and waits for the server's.
func (s *socket) close() error {
	if _, err := s.conn.Write(frame(opClose, "\x03\xe8")); err != nil {
		return errors.Join(err, s.conn.Close())
	}
	return s.end(false)
}

// awaitServerClose waits for the server's close frame, and answers it.
func (s *socket) awaitServerClose() error { return s.end(true) }

// end waits until the server closes the connection.
func (s *socket) end(answer bool) error {
	defer s.conn.Close()
	_ = s.conn.SetReadDeadline(time.Now().Add(testkit.Patience))
	closed := false
	for {
		op, _, err := s.next()
		switch {
		case errors.Is(err, io.EOF) && closed:
			return nil
		case err != nil:
			return fmt.Errorf("waiting for the close (close frame: %v): %w", closed, err)
		}
		if op != opClose {
			continue
		}
		closed = true
		if answer {
			_, _ = s.conn.Write(frame(opClose, "\x03\xe8"))
		}
	}
}
