// Package relay is a client of the chat.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/goclient/chat"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:greet
func Greet(ctx context.Context, url string) (int, error) { // "wss://chat.example.com/chat/tea"
	conn, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)

	n, err := chat.Join.Call(ctx, conn, "Ada") // an int
	if err != nil {
		return 0, err
	}
	if err := chat.Typing.Emit(ctx, conn, "Ada"); err != nil {
		return 0, err
	}
	for m, err := range chat.History.Of(ctx, conn, 3) { // a chat.Message
		if err != nil {
			return 0, err
		}
		slog.Info("before", "text", m.Text)
	}
	return n, nil
}

// end

// snippet:relay
// Relay passes on what is posted in the room, until ctx ends.
func Relay(ctx context.Context, url string, tokens func(context.Context) (string, error), to func(context.Context, chat.Message) error) error {
	conn, err := client.New(url, client.Options{ // "wss://chat.example.com/chat/{room}"
		Params: map[string]string{"room": "tea"},
		Token:  tokens,
		OnConnect: func(ctx context.Context, conn *client.Conn) error { // on each connection
			_, err := chat.Join.Call(ctx, conn, "relay")
			return err
		},
	})
	if err != nil {
		return err
	}
	client.On(conn, chat.Posted, to)
	client.Answer(conn, chat.Confirm, func(_ context.Context, question string) (bool, error) { return question == "Post it?", nil })
	if err := conn.Connect(ctx); err != nil {
		return err
	}
	if _, err := chat.Post.Call(ctx, conn, chat.Message{Text: "The relay is here"}); err != nil {
		return errors.Join(err, conn.Close(ctx))
	}
	<-ctx.Done()

	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return conn.Close(last)
}

// end

// snippet:rejoin
// Rejoin is for Options.OnConnect.
func Rejoin(ctx context.Context, conn *client.Conn) error {
	if conn.Recovered() {
		return nil // it is still in the room, and misses nothing
	}
	_, err := chat.Join.Call(ctx, conn, "relay")
	return err
}

// end

// snippet:errors
func Explain(err error) string {
	if refused, ok := errors.AsType[*websockets.Error](err); ok {
		switch refused.Code {
		case "full":
			return "the room is full"
		case "rate_limited":
			if d, ok := client.Details[ratelimit.Details](err); ok {
				return "again in " + (time.Duration(d.RetryAfter) * time.Second).String()
			}
		}
		return refused.Message
	}
	switch {
	case errors.Is(err, client.ErrUnanswered):
		return "it may have arrived"
	case errors.Is(err, client.ErrClosed):
		return "the connection is closed for good"
	}
	return "it was not sent" // ErrQueueFull, the end of ctx, a value that does not encode
}

// end
