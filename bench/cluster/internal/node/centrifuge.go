package node

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"os"

	"github.com/centrifugal/centrifuge"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
)

const channel = "all"

// writers is how many goroutines publish at CentrifugeTogether: enough that its client for Redis sends
// many messages at once.
const writers = 64

func runCentrifuge(ctx context.Context, s Settings) error {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return err
	}
	shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: s.Redis})
	if err != nil {
		return err
	}
	broker, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Shards: []*centrifuge.RedisShard{shard}})
	if err != nil {
		return err
	}
	node.SetBroker(broker)
	var opts []centrifuge.PublishOption
	if s.Peer == CentrifugeHistory {
		opts = append(opts, centrifuge.WithHistory(redis.DefaultMaxMessages, redis.DefaultRetention))
	}
	n := &Node{Emit: func(_ context.Context, _ string, t Tick) error {
		data, err := json.Marshal(t)
		if err == nil {
			_, err = node.Publish(channel, data, opts...)
		}
		return err
	}}
	if s.Peer == CentrifugeTogether {
		n.Writers = writers
	}
	node.OnConnecting(func(_ context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		reply := centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}
		if e.Name != Caller {
			reply.Subscriptions = map[string]centrifuge.SubscribeOptions{channel: {}}
		}
		return reply, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnMessage(func(centrifuge.MessageEvent) { n.Handle(ctx) })
	})
	if err := node.Run(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	listener, err := serve.Listen()
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- (&http.Server{Handler: mux, ReadHeaderTimeout: serve.HeaderTimeout}).Serve(listener) }()
	if err := serve.Announce(listener.Addr()); err != nil {
		return err
	}
	go func() { served <- n.Serve(ctx, os.Stdin, os.Stdout) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return cmp.Or(node.Shutdown(context.WithoutCancel(ctx)), ctx.Err())
	}
}
