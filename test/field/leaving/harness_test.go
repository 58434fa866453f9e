package leaving_test

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func hookUntilEnd(ctx context.Context, _ websockets.Client) error {
	<-ctx.Done()
	return ctx.Err()
}

// slow has "pause", which takes a moment, and "block", which waits until release is closed.
func slow(release <-chan struct{}) stage.Option {
	return stage.Handle(
		websockets.Listen("pause", func(ctx context.Context, _ int) error {
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
			return nil
		}),
		websockets.Listen("block", func(ctx context.Context, _ int) error {
			if c := websockets.ClientFrom(ctx); c != nil {
				_ = c.Join("blocked")
			}
			select {
			case <-ctx.Done():
			case <-release:
			}
			return nil
		}),
	)
}

func blocked(s *stage.Stage) bool { return s.Server.To("blocked").Local().Len() > 0 }

// answerPings reads until the connection ends.
func answerPings(c *client, k kind) {
	for {
		f, err := c.Next()
		if err != nil {
			return
		}
		switch {
		case f.First&0x0f == rawpeer.OpPing:
			_ = c.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpPong, Payload: f.Payload}.Bytes())
		case strings.HasPrefix(k.name, "socketio") && f.Payload == "2":
			_ = c.TrySend("3")
		}
	}
}

// counter counts calls of handlers.
type counter struct{ live, ended atomic.Int64 }

func (c *counter) add(err error) {
	if err == nil {
		c.live.Add(1)
	} else {
		c.ended.Add(1)
	}
}
