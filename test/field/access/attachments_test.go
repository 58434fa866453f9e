package access_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/test/internal/ways"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// binary sends a binary message, and reports whether the connection is open.
func (l *line) binary(b string) bool {
	if l.Poller != nil {
		status, _ := l.Do(http.MethodPost, "b"+base64.StdEncoding.EncodeToString([]byte(b)))
		return status == http.StatusOK
	}
	return l.WS.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpBinary, Payload: b}.Bytes()) == nil
}

// head returns the start of an event with attachments.
func head(namespace, event string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "45%d-%s[%q", n, namespace, event)
	for i := range n {
		fmt.Fprintf(&b, `,{"_placeholder":true,"num":%d}`, i)
	}
	return b.String() + "]"
}

// TestField_X09_AttachmentsBeforeEntry: An event or ack with attachments for a namespace that the client has not
// entered ends the connection at once, without waiting for its attachments.
func TestField_X09_AttachmentsBeforeEntry(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t)
		for _, h := range []string{head("", "e", 10), head("/chat,", "e", 1), `461-7[{"_placeholder":true,"num":0}]`} {
			l := w.dial(t, s)
			l.Send(h)
			want := 1002
			if strings.HasPrefix(w.Name, "zishang") { // zishang cuts the connection
				want = 0
			}
			l.WantEnd(want)
		}
		l := w.dial(t, s)
		l.Send("40")
		l.Want("40")
		l.Send(head("/other,", "e", 1))
		for ok := !strings.HasPrefix(w.Name, "zishang"); ok; { // zishang drops them, in case the client has just left
			_, ok = l.Read()
		}
	})
}

// TestField_X09_SumOfAttachments: The attachments of one packet may together be as large as a message; beyond that
// the attachment that exceeds the limit ends the connection.
func TestField_X09_SumOfAttachments(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		got := make(chan int, 1)
		s := w.Stage(t,
			stage.Limits(websockets.Limits{MaxMessage: 100_000}),
			stage.Handle(websockets.Listen("files", func(_ context.Context, files [][]byte) error {
				n := 0
				for _, f := range files {
					n += len(f)
				}
				got <- n
				return nil
			})))
		l := w.dial(t, s)
		l.Send("40")
		l.Want("40")
		piece := strings.Repeat("x", 20_000)
		l.Send(head("", "files", 5))
		for range 5 {
			l.binary(piece)
		}
		if n := testkit.Receive(t, "attachments of the allowed size", got); n != 100_000 {
			t.Errorf("%d bytes arrived", n)
		}
		l.Send(head("", "files", 10))
		sent := 0
		for sent < 10 && l.binary(piece) {
			sent++
		}
		want := 1009
		if strings.HasPrefix(w.Name, "zishang") { // zishang cuts the connection
			want = 0
		}
		l.WantEnd(want)
		if w.Polling && sent > 6 {
			t.Errorf("%d attachments were accepted", sent)
		}
		if r := s.WantGone(1)[0]; r.Cause != websockets.CauseMessageTooBig {
			t.Errorf("the reason is %v", r)
		}
	})
}

// TestField_X09_AttachmentsForWhatWasLeft: An event with attachments for a namespace from which the server has just
// disconnected the client is dropped, with its attachments, and the connection stays open.
func TestField_X09_AttachmentsForWhatWasLeft(t *testing.T) {
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, stage.Gateway(websockets.Namespace("/{room}")), stage.Handle(websockets.Listen("out", func(ctx context.Context, _ struct{}) error {
			websockets.ClientFrom(ctx).Disconnect()
			return nil
		})))
		l := w.dial(t, s)
		for _, ns := range []string{"/a", "/b"} {
			l.Send("40" + ns + ",")
			l.Want("40" + ns + ",{")
		}
		l.Send(`42/b,["out"]`)
		l.Want("41/b")
		l.Send(head("/b,", "noop", 2))
		l.binary("one")
		l.binary("two")
		l.Send(`42/a,7["echo","still open"]`)
		l.Want(`43/a,7["still open"]`)
		if s.Events() != 1 {
			t.Errorf("%d events were handled, want the echo", s.Events())
		}
	})
}

// TestField_X09_LongEventNames: An event whose name is longer than 256 bytes is refused, with an error in its ack or
// an exception that has part of the name; the client stays connected. A name of 256 bytes is accepted.
func TestField_X09_LongEventNames(t *testing.T) {
	longest := strings.Repeat("n", 256)
	wantError := func(t *testing.T, got string) {
		t.Helper()
		if !strings.Contains(got, `"code":"bad_message"`) || !strings.Contains(got, "longer than 256 bytes") || len(got) > 400 {
			t.Errorf("the answer is %.500s", got)
		}
	}
	known := stage.Handle(websockets.On(longest, func(_ context.Context, n int) (int, error) { return n, nil }))
	each(t, socketIO, func(t *testing.T, w way) {
		s := w.Stage(t, known)
		l := w.dial(t, s)
		l.Send("40")
		l.Want("40")
		l.Send(`421["` + longest + `",5]`)
		l.Want(`431[5]`)
		for _, n := range []int{257, 900_000} {
			name := strings.Repeat("n", n)
			l.Send(`422["` + name + `",{"x":"` + longest + `"}]`)
			wantError(t, l.Want("432["))
			wantError(t, l.Want(`42["exception"`))
			l.Send(`42["` + name + `"]`)
			wantError(t, l.Want(`42["exception"`))
		}
		l.Send(`423["echo","still here"]`)
		l.Want(`433["still here"]`)
	})
	t.Run("ws", func(t *testing.T) {
		p := rawpeer.Open(t, stage.New(t, ways.PlainWS(), known).Addr, "/")
		p.Send(`{"event":"` + longest + `","data":5,"id":1}`)
		p.Want(`{"id":1,"data":5}`)
		for _, n := range []int{257, 900_000} {
			name := strings.Repeat("n", n)
			p.Send(`{"id":2,"event":"` + name + `"}`)
			wantError(t, p.Text())
			p.Send(`{"event":"` + name + `"}`)
			wantError(t, p.Text())
		}
		rawpeer.EchoWS(t, p, "still here")
	})
	t.Run("msgpack", func(t *testing.T) {
		parser := msgpack.Parser()
		s := stage.New(t, socketio.New(socketio.Options{Parser: parser}), known)
		l := way{}.dial(t, s)
		send := func(p *packet.Packet) {
			t.Helper()
			p.Namespace = "/"
			b, _, _, err := parser.Append(nil, p, packet.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			l.binary(string(b))
		}
		send(&packet.Packet{Type: packet.Connect})
		if _, ok := l.Read(); !ok {
			t.Fatal("the connection has ended")
		}
		for _, n := range []int{257, 900_000} {
			send(&packet.Packet{Type: packet.Event, Event: strings.Repeat("n", n), ID: 1, HasID: true})
			for range 2 {
				if got, ok := l.Read(); !ok || !strings.Contains(got, "bad_message") || !strings.Contains(got, "longer than 256 bytes") {
					t.Errorf("the answer is %.300q", got)
				}
			}
		}
	})
}
