package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/client"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/goclient/chat"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/goclient/relay"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestRelay(t *testing.T) {
	a := apptest.New(t, chat.Module, apptest.With(app.WebSockets(ws.New())))
	if n, err := relay.Greet(t.Context(), a.URL()+"/chat/tea"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	posted, ended := make(chan chat.Message, 1), make(chan error, 1)
	go func() {
		ended <- relay.Relay(ctx, a.URL()+"/chat/{room}", func(context.Context) (string, error) { return "token", nil },
			func(_ context.Context, m chat.Message) error { posted <- m; return nil })
	}()
	if m := testkit.Receive(t, "what is posted", posted); m.Text != "The relay is here" {
		t.Errorf("got %+v", m)
	}
	cancel()
	if err := testkit.Receive(t, "the end", ended); err != nil {
		t.Error(err)
	}
}

func TestRejoin(t *testing.T) {
	a := apptest.New(t, chat.Module, apptest.With(app.WebSockets(ws.New())))
	conn, err := client.Dial(t.Context(), a.URL()+"/chat/tea", client.Options{OnConnect: relay.Rejoin})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := relay.Greet(t.Context(), a.URL()+"/chat/tea"); err != nil || n != 2 {
		t.Errorf("%d in the room, %v: want both clients", n, err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestExplain(t *testing.T) {
	a := apptest.New(t, chat.Module, apptest.With(app.WebSockets(ws.New())))
	conn, err := client.Dial(t.Context(), a.URL()+"/chat/tea", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, full := chat.Join.Call(t.Context(), conn, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client.Answer(conn, chat.Confirm, func(answering context.Context, _ string) (bool, error) { // the server waits for it
		cancel()
		<-answering.Done()
		return false, nil
	})
	_, silent := chat.Post.Call(ctx, conn, chat.Message{})
	_ = conn.Close(ctx) // at once
	_, closed := chat.Join.Call(t.Context(), conn, "Ada")
	for want, err := range map[string]error{
		"the room is full": full, "it may have arrived": silent, "the connection is closed for good": closed,
		"it was not sent": client.ErrQueueFull, "no": fmt.Errorf("wrapped: %w", &websockets.Error{Message: "no"}),
		"again in 2s": &websockets.Error{Message: "slow down", Code: "rate_limited", Details: json.RawMessage(`{"retryAfter":2}`)},
	} {
		if got := relay.Explain(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if !errors.Is(silent, context.Canceled) {
		t.Errorf("got %v", silent)
	}
}
