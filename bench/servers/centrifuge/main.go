// Command centrifuge is a server on centrifugal/centrifuge, which has a protocol
// of its own: remote calls, and channels that every client subscribes to.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"

	"github.com/centrifugal/centrifuge"
	"github.com/gatehouse-go/gatehouse/bench/internal/plain"
	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
)

const channel = "shout"

func main() { serve.Main(run) }

func run() error {
	raw := flag.Bool("raw", false, "take payloads undecoded")
	flag.Parse()
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{},
			Subscriptions: map[string]centrifuge.SubscribeOptions{channel: {}},
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnRPC(func(e centrifuge.RPCEvent, reply centrifuge.RPCCallback) {
			if *raw {
				reply(centrifuge.RPCReply{Data: e.Data}, nil)
				return
			}
			data, err := call(node, e)
			reply(centrifuge.RPCReply{Data: data}, err)
		})
	})
	if err := node.Run(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	return serve.HTTP(mux)
}

func call(node *centrifuge.Node, e centrifuge.RPCEvent) ([]byte, error) {
	var m plain.Message
	if err := json.Unmarshal(e.Data, &m); err != nil {
		return nil, centrifuge.ErrorBadRequest
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	switch e.Method {
	case "echo":
		return data, nil
	case "shout":
		_, err := node.Publish(channel, data)
		return nil, err
	default:
		return nil, centrifuge.ErrorMethodNotFound
	}
}
