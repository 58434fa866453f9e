// Command zishang is Socket.IO on the library of zishang520, by hand.
package main

import (
	"net/http"

	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
	"github.com/zishang520/socket.io/servers/socket/v3"
)

type message struct {
	Seq  int64  `json:"seq"`
	Text string `json:"text"`
}

// decode reads the payload from what the library made of the JSON.
func decode(args []any) (message, bool) {
	if len(args) == 0 {
		return message{}, false
	}
	fields, _ := args[0].(map[string]any)
	seq, isNumber := fields["seq"].(float64)
	text, isText := fields["text"].(string)
	return message{Seq: int64(seq), Text: text}, isNumber && isText
}

func main() { serve.Main(run) }

func run() error {
	io := socket.NewServer(nil, nil)
	err := io.On("connection", func(clients ...any) {
		client := clients[0].(*socket.Socket)
		_ = client.On("echo", func(args ...any) {
			m, ok := decode(args)
			ack, asked := args[len(args)-1].(socket.Ack)
			if ok && asked {
				ack([]any{m}, nil)
			}
		})
		_ = client.On("shout", func(args ...any) {
			if m, ok := decode(args); ok {
				_ = io.Emit("shout", m)
			}
		})
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io.ServeHandler(nil))
	return serve.HTTP(mux)
}
