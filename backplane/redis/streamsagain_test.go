package redis_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
)

// deafConn is a connection whose answers are lost while deaf is set.
type deafConn struct {
	net.Conn

	deaf *atomic.Bool
}

func (c deafConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.deaf.Load() {
			return n, err
		}
	}
}

// A batch whose outcome is unknown is sent again: the log has it once. At another base it is refused, unless Redis knows that it has it.
func TestStreamsSentAgain(t *testing.T) {
	always := []string{"--appendonly", "yes", "--appendfsync", "always"}
	for name, c := range map[string]struct {
		args    []string
		frozen  bool // Redis does not get it; otherwise its answer is lost
		kill    bool
		want    error
		arrives int
	}{
		"answer lost":                           {nil, false, false, nil, 1},
		"answer lost, killed":                   {nil, false, true, backplane.ErrUncertain, 1},
		"answer lost, killed, with persistence": {always, false, true, nil, 1},
		"frozen":                                {nil, true, false, nil, 1},
		"frozen, killed":                        {nil, true, true, backplane.ErrUncertain, 0},
		"frozen, killed, with persistence":      {always, true, true, backplane.ErrUncertain, 0},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.StartWith(t, "", append([]string{"--save", ""}, c.args...)...)
			var deaf atomic.Bool
			a := startLog(t, redis.Address(server.Address), redis.Client(func(o *rueidis.ClientOption) {
				o.DialCtxFn = func(ctx context.Context, address string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
					conn, err := d.DialContext(ctx, "tcp", address)
					return deafConn{conn, &deaf}, err
				}
			}))
			b := startLog(t, redis.Address(server.Address))
			a.send(3)
			b.wantLast(a)
			if c.frozen {
				server.Freeze()
			} else {
				deaf.Store(true)
			}
			batch := []*backplane.Message{a.event(), a.event()}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if err := a.Send(ctx, batch); err == nil || errors.Is(err, backplane.ErrUncertain) {
				t.Fatalf("Send without an answer: %v", err)
			}
			if !c.frozen {
				b.wantLast(a)
			}
			if c.kill {
				server.Kill()
				server.Restart()
			} else if c.frozen {
				server.Thaw()
			}
			deaf.Store(false)
			a.wantUps(2)
			if err := a.Send(patient(t), batch); !errors.Is(err, c.want) {
				t.Errorf("Send again: %v, want %v", err, c.want)
			}
			name := a.name(batch[1].Seq)
			a.send(1)
			b.wantLast(a)
			got := b.recorded()
			if got.doubled > 0 || b.events[name] != c.arrives {
				t.Errorf("%d events twice, and the last of the batch %d times, want %d", got.doubled, b.events[name], c.arrives)
			}
			if wantBases := map[bool]int{true: 1}[c.kill]; got.bases != wantBases || got.jumps > 0 {
				t.Errorf("%d bases, want %d; %d jumps", got.bases, wantBases, got.jumps)
			}
		})
	}
}
