package wsconn

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// half is a socket that accepts a part of every write, and sometimes nothing.
type half struct {
	nc    net.Conn
	calls int
}

func (h *half) TryWrite(p []byte) int {
	if h.calls++; h.calls%5 == 0 {
		return 0
	}
	n, _ := h.nc.Write(p[:len(p)*(h.calls%4)/3])
	return n
}

func (*half) Closed() bool { return false }

// Frames that the socket accepts in part, or not at all, arrive complete and in order.
func TestWriteNowInPart(t *testing.T) {
	p := connect(t, nil)
	p.conn.framed.tryWriter = &half{nc: p.conn.framed.Conn}
	p.serve()
	text := func(i int) string {
		return fmt.Sprintf("%d %s", i, strings.Repeat("x", 1+i*37%gatherSize))
	}
	const messages = 300
	go func() {
		for i := range messages {
			it := message(text(i))
			if i%2 == 0 { // memory that is used again
				f, buf := OnceFrame(0, 0)
				f.SealOnce(true, append(buf, text(i)...), 0)
				it = Item{Frame: f, Once: true}
			}
			for p.queue.Push(it, it.Size(), outbox.Refuse) != nil {
				if p.queue.Writable(t.Context()) != nil {
					return // the test has failed
				}
			}
		}
	}()
	for i := range messages {
		p.want(0x80|opText, text(i))
	}
}

// Messages from many goroutines do not tear each other apart.
func TestWriteNowFromMany(t *testing.T) {
	p := connect(t, nil)
	p.serve()
	const many, messages = 8, 200
	for g := range many {
		go func() {
			for i := range messages {
				it := message(fmt.Sprintf("%d %d %s", g, i, strings.Repeat("y", i*13)))
				for p.queue.Push(it, it.Size(), outbox.Refuse) != nil { // all of them are more than the queue holds
					if p.queue.Writable(t.Context()) != nil {
						return // the test has failed
					}
				}
			}
		}()
	}
	var next [many]int
	for range many * messages {
		_, payload, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		var g, i int
		if _, err := fmt.Sscan(payload, &g, &i); err != nil || i != next[g] || !strings.HasSuffix(payload, strings.Repeat("y", i*13)) {
			t.Fatalf("%.40q, %v: want message %d", payload, err, next[g])
		}
		next[g]++
	}
}

// A ping that the socket does not accept at once is sent later; its time counts from then.
func TestPingInPart(t *testing.T) {
	p := connect(t, nil)
	p.conn.framed.tryWriter = &half{nc: p.conn.framed.Conn}
	p.serve()
	for range 40 {
		p.conn.ping()
		p.want(0x80|opPing, "")
		testkit.Eventually(t, "the stamp of the ping", func() bool { return p.conn.framed.pingedAt.Load() != 0 })
		if _, err := p.Conn.Write(rawFrame(0x80|opPong, nil)); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "no stamp after the pong", func() bool { return p.conn.framed.pingedAt.Load() == 0 })
	}
}
