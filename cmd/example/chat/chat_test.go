package chat_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/cmd/example/chat"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// fakeClient is a client without a connection.
type fakeClient struct {
	websockets.Client

	id     string
	values websockets.Values
	rooms  []string
}

func (c *fakeClient) ID() string                 { return c.id }
func (c *fakeClient) Values() *websockets.Values { return &c.values }
func (c *fakeClient) Leave(rooms ...string) {
	c.rooms = slices.DeleteFunc(c.rooms, func(r string) bool { return slices.Contains(rooms, r) })
}

func (c *fakeClient) Join(rooms ...string) error {
	c.rooms = append(c.rooms, rooms...)
	return nil
}

// fakeServer notes what is sent to rooms.
type fakeServer struct {
	websockets.Server

	sent []string
}

type fakeRoom struct {
	websockets.Broadcast

	server *fakeServer
	room   string
}

func (s *fakeServer) To(rooms ...string) websockets.Broadcast {
	return fakeRoom{server: s, room: strings.Join(rooms, ",")}
}

func (r fakeRoom) Emit(event string, data any, _ ...websockets.EmitOption) error {
	switch d := data.(type) {
	case chat.Presence:
		data = fmt.Sprint(d.Room, " ", d.Name, " ", d.Members)
	case chat.Message:
		data = fmt.Sprint(d.Room, " ", d.Name, " ", d.Text)
	}
	r.server.sent = append(r.server.sent, fmt.Sprintf("%s: %s %s", r.room, event, data))
	return nil
}

type table struct {
	*testing.T

	*chat.Gateway

	rooms  *chat.Rooms
	server *fakeServer
}

func setup(t *testing.T) *table {
	rooms, server := chat.NewRooms(), &fakeServer{}
	g := chat.NewGateway(rooms)
	g.Server = server
	return &table{t, g, rooms, server}
}

// client gives a client and the context in which its messages are handled.
func client(id string) (*fakeClient, context.Context) {
	c := &fakeClient{id: id}
	return c, websockets.WithClient(context.Background(), c)
}

func (t *table) wantSent(want ...string) {
	t.Helper()
	if !slices.Equal(t.server.sent, want) {
		t.Errorf("sent %q, want %q", t.server.sent, want)
	}
	t.server.sent = nil
}

func (t *table) wantRooms(want string) {
	t.Helper()
	if got := fmt.Sprint(t.rooms.List()); got != want {
		t.Errorf("rooms %s, want %s", got, want)
	}
}

func TestConversation(tt *testing.T) {
	t := setup(tt)
	ann, annCtx := client("1")
	bob, bobCtx := client("2")

	if got, err := t.Join(annCtx, chat.Join{Room: " tea ", Name: "Ann"}); err != nil || fmt.Sprint(got) != "{tea [Ann]}" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := t.Join(bobCtx, chat.Join{Room: "tea", Name: "Bob"}); err != nil || fmt.Sprint(got) != "{tea [Ann Bob]}" {
		t.Errorf("got %v, %v", got, err)
	}
	t.wantSent("tea: joined tea Ann [Ann]", "tea: joined tea Bob [Ann Bob]")
	t.wantRooms("[{tea [Ann Bob]}]")

	if err := t.Say(annCtx, chat.Say{Text: " hello "}); err != nil {
		t.Error(err)
	}
	t.wantSent("tea: message tea Ann hello")
	if t.Messages() != 1 {
		t.Errorf("%d messages", t.Messages())
	}

	if _, err := t.Join(annCtx, chat.Join{Room: "cake", Name: "Ann"}); err != nil { // changes rooms
		t.Error(err)
	}
	t.wantSent("tea: left tea Ann [Bob]", "cake: joined cake Ann [Ann]")
	t.wantRooms("[{cake [Ann]} {tea [Bob]}]")
	if !slices.Equal(ann.rooms, []string{"cake"}) {
		t.Errorf("Ann is in %v", ann.rooms)
	}

	if err := t.Leave(annCtx, struct{}{}); err != nil {
		t.Error(err)
	}
	t.HandleDisconnect(context.Background(), bob, websockets.Reason{})
	t.HandleDisconnect(context.Background(), ann, websockets.Reason{}) // sits nowhere
	t.wantSent("cake: left cake Ann []", "tea: left tea Bob []")
	t.wantRooms("[]")
}

func TestRefusals(tt *testing.T) {
	t := setup(tt)
	_, ctx := client("1")
	join := func(room, name string) error {
		_, err := t.Join(ctx, chat.Join{Room: room, Name: name})
		return err
	}
	for _, c := range []struct {
		err  error
		code string
		text string
	}{
		{t.Say(ctx, chat.Say{Text: "hello"}), chat.CodeNoRoom, "join a room first"},
		{t.Leave(ctx, struct{}{}), chat.CodeNoRoom, "join a room first"},
		{join("", "Ann"), chat.CodeInvalid, "room is required"},
		{join("tea", " \n"), chat.CodeInvalid, "name is required"},
		{join(strings.Repeat("ü", 41), "Ann"), chat.CodeInvalid, "room may have at most 40 characters"},
		{join("tea", strings.Repeat("ü", 41)), chat.CodeInvalid, "name may have at most 40 characters"},
		{t.Post("tea", "Ann", ""), chat.CodeInvalid, "text is required"},
		{t.Post("tea", "Ann", strings.Repeat("ü", 2001)), chat.CodeInvalid, "text may have at most 2000 characters"},
		{join(strings.Repeat("ü", 40), strings.Repeat("ü", 40)), "", ""},
		{t.Post("tea", "Ann", strings.Repeat("ü", 2000)), "", ""},
	} {
		if c.text == "" {
			if c.err != nil {
				t.Error(c.err)
			}
			continue
		}
		if e, ok := errors.AsType[*websockets.Error](c.err); !ok || e.Message != c.text || e.Code != c.code {
			t.Errorf("got %v, want %s", c.err, c.text)
		}
	}
}
