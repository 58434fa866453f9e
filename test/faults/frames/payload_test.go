package frames_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// secret is data of other clients, which must not appear in a control frame.
const secret = "the secret of another client "

// poison makes clients fill the buffers that are reused.
func (l *line) poison() {
	l.t.Helper()
	for range 8 {
		p := l.open()
		l.echo(p, strings.Repeat(secret, 200))
		p.Frame(rawpeer.Fin|rawpeer.OpPing, strings.Repeat(secret, 4))
		l.echo(p, strings.Repeat(secret, 100))
		p.Close()
	}
}

// TestCVE_2016_10518_V2_PongPayload: A pong has exactly the payload of its ping, for every length from 0 to 125, and
// the server's own pings have none, whatever the buffers contained before.
func TestCVE_2016_10518_V2_PongPayload(t *testing.T) {
	lines(t, options{}, func(t *testing.T, l *line) {
		l.poison()
		p := l.open()
		for n := range 126 {
			payload := strings.Repeat("p", n)
			p.Frame(rawpeer.Fin|rawpeer.OpPing, payload)
			if got, err := p.Next(); err != nil || got.First != rawpeer.Fin|rawpeer.OpPong || got.Masked || got.Payload != payload {
				t.Fatalf("a ping of %d bytes was answered with %s, %v", n, got, err)
			}
			if n%25 == 0 {
				l.echo(p, strings.Repeat(secret, 50))
			}
		}
		p.Close()
		l.alive()
	})
}

// TestCVE_2026_45736_V3_CloseReason: A close frame has exactly the code and the text passed to Client.Close, cut to
// the maximum; the reply to a client's close frame has its code and no text.
func TestCVE_2026_45736_V3_CloseReason(t *testing.T) {
	texts := []string{"", "x", "bye", strings.Repeat("y", 122), strings.Repeat("z", 123), strings.Repeat("é", 61), strings.Repeat("z", 122) + "é", strings.Repeat("z", 119) + "ééé"}
	leave := stage.Handle(websockets.Listen("leave", func(ctx context.Context, i string) error {
		var n int
		_, _ = fmt.Sscan(i, &n)
		websockets.ClientFrom(ctx).Close(4000+n, texts[n])
		return nil
	}))
	lines(t, options{more: []stage.Option{leave}}, func(t *testing.T, l *line) {
		l.poison()
		for i, want := range texts {
			p := l.open()
			p.Send(l.message("leave", fmt.Sprint(i)))
			if l.name == overWS { // leaves a namespace by a packet
				p.Want("41")
				p.Close()
				continue
			}
			code, got := p.Closed()
			if len(want) > 123 {
				want = strings.TrimSuffix(want[:120], "\xc3") + "..." // not half of a rune
			}
			if code != 4000+i || got != want {
				t.Errorf("closed with %d %q, want %d %q", code, got, 4000+i, want)
			}
			p.Close()
		}
		for _, tt := range []struct{ sent, back string }{
			{"", ""},
			{rawpeer.ClosePayload(1000, ""), rawpeer.ClosePayload(1000, "")},
			{rawpeer.ClosePayload(1000, strings.Repeat("x", 123)), rawpeer.ClosePayload(1000, "")},
			{rawpeer.ClosePayload(4999, "bye"), rawpeer.ClosePayload(4999, "")},
		} {
			p := l.open()
			p.Frame(rawpeer.Fin|rawpeer.OpClose, tt.sent)
			if got, err := p.Next(); err != nil || got.First != rawpeer.Fin|rawpeer.OpClose || got.Payload != tt.back {
				t.Errorf("%q was answered with %s, %v", tt.sent, got, err)
			}
			p.WantEnd()
		}
		l.alive()
	})
}

// tap records what is written to a connection.
type tap struct {
	net.Conn
	mu  *sync.Mutex
	all *bytes.Buffer
}

func (c tap) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.all.Write(b)
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// TestFault_V30_ClientMasks: The library has no client but that of package apptest, whose WebSocket library takes
// masks from crypto/rand: among many frames of two clients no two masks are equal, and every bit is set in about half
// of them; GO-2026-6278.
func TestFault_V30_ClientMasks(t *testing.T) {
	const frames = 300
	lines(t, options{}, func(t *testing.T, l *line) {
		seen := map[[4]byte]bool{}
		var set [32]int
		total := 0
		for range 2 {
			var mu sync.Mutex
			var all bytes.Buffer
			dial := apptest.WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
				nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return tap{nc, &mu, &all}, err
			})
			var c *apptest.Client
			if l.name == plain {
				c = l.App.DialWS("/", dial)
			} else {
				c = l.App.DialSocketIO("/", dial)
			}
			for range frames {
				c.Emit("noop", "x")
			}
			c.Call("echo", "x")
			c.Close()
			mu.Lock()
			_, raw, _ := bytes.Cut(all.Bytes(), []byte("\r\n\r\n")) // after the handshake
			for len(raw) >= 6 {
				n := int(raw[1] & 0x7f)
				if raw[1]&0x80 == 0 || n > 125 || len(raw) < 6+n {
					t.Fatalf("not a short masked frame: %x", raw[:6])
				}
				mask := [4]byte(raw[2:6])
				if seen[mask] {
					t.Errorf("the mask %x was used twice", mask)
				}
				seen[mask] = true
				for bit := range set {
					set[bit] += int(mask[bit/8] >> (bit % 8) & 1)
				}
				total++
				raw = raw[6+n:]
			}
			mu.Unlock()
		}
		if total < 2*frames {
			t.Fatalf("%d frames were seen", total)
		}
		for bit, n := range set { // nine standard deviations of a fair coin
			if n < total*3/10 || n > total*7/10 {
				t.Errorf("bit %d is set in %d of %d masks", bit, n, total)
			}
		}
	})
}
