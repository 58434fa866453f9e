package node

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/redis/rueidis"
)

const (
	// frameMessages are in one PUBLISH, of messageBytes each.
	frameMessages, messageBytes = 64, 200
	// framesInFlight are sent before the first is answered, framesWaiting before it is received: Redis cuts a
	// subscriber for which more than 32 MB wait.
	framesInFlight, framesWaiting = 8, 1024
	// floodWithin bounds a flood.
	floodWithin = 30 * time.Second
)

// runFrames floods Redis with what a batch of 64 messages would be, without a framework: the most that
// one publisher and one subscriber, both in this process, do by the same client.
func runFrames(ctx context.Context, s Settings) error {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Redis}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := serve.Announce(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); err != nil { // no client connects
		return err
	}
	n := &Node{Flood: func(count int) (time.Duration, error) { return floodFrames(ctx, client, count) }}
	return n.Serve(ctx, os.Stdin, os.Stdout)
}

func floodFrames(ctx context.Context, client rueidis.Client, count int) (time.Duration, error) {
	sub, release := client.Dedicate()
	defer release()
	frames := max(1, count/frameMessages)
	all := make(chan struct{})
	received, waiting := 0, make(chan struct{}, framesWaiting)
	ended := sub.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(rueidis.PubSubMessage) {
		<-waiting
		if received++; received == frames {
			close(all)
		}
	}})
	ctx, cancel := context.WithTimeout(ctx, floodWithin)
	defer cancel()
	if err := sub.Do(ctx, sub.B().Subscribe().Channel("frames").Build()).Error(); err != nil {
		return 0, err
	}
	frame := strings.Repeat("x", frameMessages*messageBytes)
	start := time.Now()
	var writers sync.WaitGroup
	var sent atomic.Int64
	errs := make([]error, framesInFlight)
	for w := range errs {
		writers.Go(func() {
			for sent.Add(1) <= int64(frames) && errs[w] == nil {
				select {
				case waiting <- struct{}{}:
				case <-ctx.Done(): // and Do returns its error
				}
				errs[w] = client.Do(ctx, client.B().Publish().Channel("frames").Message(frame).Build()).Error()
			}
		})
	}
	writers.Wait()
	if err := cmp.Or(errs...); err != nil {
		return 0, err
	}
	select {
	case <-all:
		return time.Since(start), nil
	case err := <-ended:
		return 0, fmt.Errorf("the subscription has ended: %w", err)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}
