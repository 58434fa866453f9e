package embedded_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Whatever reaches the port of other nodes without the secret is disconnected, and makes a line of log a minute for each kind of
// mistake, however many connections there are and whatever they call themselves.
func TestFault_F88_StrangersAtThePort(t *testing.T) {
	log := &testkit.Log{}
	n := startNode(t, 1, embedded.Logger(log.Logger(slog.LevelInfo)))
	const each = 60
	var all sync.WaitGroup
	for i := range each {
		for _, text := range []string{
			"GET / HTTP/1.1\r\n\r\n", strings.Repeat("\x00\xff", 1000) + "\r\n", "CONNECT {" + strings.Repeat("x", 100_000),
			fmt.Sprintf("CONNECT {\"user\":\"user %d\",\"pass\":\"wrong\",\"name\":\"name %d\"}\r\nPING\r\n", i, i),
			fmt.Sprintf("INFO {\"server_id\":\"id %d\",\"cluster\":\"gatehouse\"}\r\nRMSG $G a 99999999999\r\n", i),
		} {
			all.Go(func() {
				c, err := net.Dial("tcp", addr(n))
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(testkit.Patience))
				_, _ = io.WriteString(c, text) // it may be closed already
				if _, err = io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%.20q is not disconnected", text)
				}
			})
		}
	}
	all.Wait()
	if lines := log.Lines("NATS server"); len(lines) == 0 || len(lines) > 6 {
		t.Errorf("%d lines, such as %.1000q", len(lines), lines)
	}
}
