package backplanetest

import (
	"reflect"

	"github.com/gatehouse-go/gatehouse/backplane"
)

func testInterest(s *suite) {
	a, b := s.nodes()
	room := func(n int) *backplane.Message { return a.message("room", backplane.Message{Count: uint32(n)}) }
	a.send(room(1))
	b.want(a, 0)
	b.interest([]string{"room", "other"}, nil)
	a.send(room(2)) // Interest has returned: it arrives
	if got := b.want(a, 1)[0]; got.Count != 2 || got.Channel != "room" {
		s.Errorf("received %+v, want the second message on room", got)
	}
	b.interest(nil, []string{"room"})
	a.send(room(3))
	a.send(a.message("other", backplane.Message{Count: 4}))
	if got := b.want(a, 1)[0]; got.Channel != "other" {
		s.Errorf("received %+v, want that on other", got)
	}
}

func testDirect(s *suite) {
	a, b := s.nodes()
	c := s.start(backplane.ChannelEvents)
	c.interest([]string{backplane.ChannelNode(c.self.ID)}, nil)
	channel := backplane.ChannelNode(b.self.ID)
	m := a.message(channel, backplane.Message{Kind: backplane.Fetched, To: b.self.ID, Request: "0000000000000001", Body: []byte("x")})
	want := clone(m)
	a.send(m)
	if got := b.want(a, 1)[0]; !reflect.DeepEqual(got, want) {
		s.Errorf("received %+v, want %+v", got, want)
	}
	c.want(a, 0)
}

func testNoNode(s *suite) {
	a, b := s.nodes()
	const none = "00000000deadbeef"
	a.send(
		a.message(backplane.ChannelNode(b.self.ID), backplane.Message{Kind: backplane.Fetch, To: b.self.ID, Request: "0000000000000001"}),
		a.message(backplane.ChannelNode(none), backplane.Message{Kind: backplane.Fetch, To: none, Request: "0000000000000002"}),
	)
	a.wait("NoNode", func() bool { return len(a.noNodes) > 0 })
	b.want(a, 1)
	var got []*backplane.Message
	a.cond.Update(func() { got = a.noNodes })
	if len(got) != 1 || got[0].Request != "0000000000000002" || got[0].To != none || got[0].Kind != backplane.Fetch {
		s.Errorf("NoNode was called for %+v", got)
	}
}
