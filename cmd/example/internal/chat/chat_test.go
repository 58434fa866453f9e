package chat_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/chat"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type fixture struct {
	*testing.T

	*chat.Gateway

	rooms  *chat.Rooms
	server *apptest.FakeServer
	guard  *login.Guard
	tokens *login.Tokens
}

func setup(t *testing.T) *fixture {
	key := login.NewKey()
	guard, err := login.NewGuard(key)
	if err != nil {
		t.Fatal(err)
	}
	rooms, server := chat.NewRooms(), apptest.NewFakeServer()
	g := chat.NewGateway(rooms, guard, chat.NewRoomLimit(), "")
	g.Server = server.Server()
	return &fixture{t, g, rooms, server, guard, login.NewTokens(key, login.Life(time.Minute))}
}

// client returns a client that has logged in, and the context of its messages.
func (t *fixture) client(id, name string) (*apptest.FakeClient, context.Context) {
	t.Helper()
	token, err := t.tokens.New(id, name)
	if err != nil {
		t.Fatal(err)
	}
	c := apptest.NewFakeClient(id)
	r := &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}
	if err := t.guard.Check(t.Context(), &pipeline.Call{Kind: pipeline.KindConnect, Request: r, Store: c.Values()}); err != nil {
		t.Fatal(err)
	}
	return c, websockets.WithClient(t.Context(), c)
}

func (t *fixture) wantSent(want ...string) {
	t.Helper()
	var got []string
	for _, s := range t.server.Sent() {
		text := ""
		switch d := s.Data.(type) {
		case chat.Presence:
			text = fmt.Sprint(d.Room, " ", d.Name, " ", d.Members)
		case chat.Message:
			text = fmt.Sprint(d.Room, " ", d.Name, " ", d.Text)
		}
		got = append(got, fmt.Sprintf("%s: %s %s", strings.Join(s.To.Rooms, ","), s.Event, text))
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func (t *fixture) wantRooms(want string) {
	t.Helper()
	if got := fmt.Sprint(t.rooms.List()); got != want {
		t.Errorf("rooms %s, want %s", got, want)
	}
}

func TestConversation(tt *testing.T) {
	t := setup(tt)
	ann, annCtx := t.client("1", "Ann")
	bob, bobCtx := t.client("2", "Bob")

	if got, err := t.Join(annCtx, chat.Join{Room: "tea"}); err != nil || fmt.Sprint(got) != "{tea [Ann]}" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := t.Join(bobCtx, chat.Join{Room: "tea"}); err != nil || fmt.Sprint(got) != "{tea [Ann Bob]}" {
		t.Errorf("got %v, %v", got, err)
	}
	t.wantSent("tea: joined tea Ann [Ann]", "tea: joined tea Bob [Ann Bob]")
	t.wantRooms("[{tea [Ann Bob]}]")

	if err := t.Say(annCtx, chat.Say{Text: "hello"}); err != nil {
		t.Error(err)
	}
	t.wantSent("tea: message tea Ann hello")
	if t.Messages() != 1 {
		t.Errorf("%d messages", t.Messages())
	}

	if _, err := t.Join(annCtx, chat.Join{Room: "cake"}); err != nil { // changes rooms
		t.Error(err)
	}
	t.wantSent("tea: left tea Ann [Bob]", "cake: joined cake Ann [Ann]")
	t.wantRooms("[{cake [Ann]} {tea [Bob]}]")
	if !slices.Equal(ann.Rooms(), []string{"cake"}) {
		t.Errorf("Ann is in %v", ann.Rooms())
	}

	if err := t.Leave(annCtx, struct{}{}); err != nil {
		t.Error(err)
	}
	t.HandleDisconnect(context.Background(), bob, websockets.Reason{})
	t.HandleDisconnect(context.Background(), ann, websockets.Reason{}) // in no room
	t.wantSent("cake: left cake Ann []", "tea: left tea Bob []")
	t.wantRooms("[]")
}

// Without claims from the guard, Join is unauthorized.
func TestJoinWithoutLogin(tt *testing.T) {
	t := setup(tt)
	ctx := websockets.WithClient(t.Context(), apptest.NewFakeClient("1"))
	if _, err := t.Join(ctx, chat.Join{Room: "tea"}); !errors.Is(err, pipeline.ErrUnauthorized) {
		t.Errorf("got %v", err)
	}
	t.wantSent()
	t.wantRooms("[]")
}

func TestWithoutARoom(tt *testing.T) {
	t := setup(tt)
	_, ctx := t.client("1", "Ann")
	for what, err := range map[string]error{
		"say":   t.Say(ctx, chat.Say{Text: "hello"}),
		"leave": t.Leave(ctx, struct{}{}),
	} {
		if e, ok := errors.AsType[*pipeline.Error](err); !ok || e.Message != "join a room first" || e.Code != chat.CodeNoRoom {
			t.Errorf("%s: got %v", what, err)
		}
	}
	t.wantSent()
}
