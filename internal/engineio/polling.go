package engineio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// separator separates the packets of a payload.
const separator = '\x1e'

// noopPause is the time between two polls that are answered with a noop during an
// upgrade, so that the client does not poll in a tight loop.
const noopPause = 100 * time.Millisecond

// requests are the requests of a polling client that are under way: one GET and one POST
// at most. Guarded by Session.mu.
type requests struct {
	polling     bool          // a GET is pending
	noopDue     bool          // it is to be answered with a noop
	posting     bool          // a POST is under way
	noopAt      time.Time     // when a GET was last answered with a noop, or the WebSocket has probed
	pollArrived chan struct{} // closed when a GET arrives; nil when nothing waits for one
	abortPost   func()        // ends the reading of the POST; called with mu held, while it is reading
}

// postBody is the body of the POST whose packets are passed to the handler. Guarded by
// Session.recv.
type postBody struct {
	open  bool     // it has packets that the handler does not have yet
	after []func() // see AfterBody
}

// poll answers a GET with what waits to be sent, as soon as something does.
func (s *Session) poll(w http.ResponseWriter, r *http.Request) {
	p := s.overHTTP()
	if !s.startRequest(&p.requests.polling) {
		s.fail("two polls at once")
		errRequest("another poll of the session is pending").write(w)
		return
	}
	s.mu.Lock()
	s.srv.unpolled.Remove(&p.unpolled)
	if p.requests.pollArrived != nil {
		close(p.requests.pollArrived)
		p.requests.pollArrived = nil
	}
	s.mu.Unlock()
	p.polledAt.Store(s.srv.group.Clock.Coarse())
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a deadline would end the wait as if the client had gone
	s.notePoll()
	a := s.await(r.Context())
	s.out.CancelReady()
	s.endPoll(a.outcome) // before the answer: the next poll may follow at once
	switch a.outcome {
	case clientGone:
		s.fail("the poll was cancelled")
		return
	case sessionReplaced:
		errRequest(errReplaced.Error()).write(w)
		return
	}
	err := s.answer(w, r, &a)
	s.out.Sent(a.size)
	switch {
	case err != nil:
		s.fail("a poll could not be answered")
	case a.outcome == answeredLast:
		s.end(websockets.Reason{})
	default:
		s.trackPolls()
	}
}

// pollAnswer is how a poll ends. It has a body when the poll is answered.
type pollAnswer struct {
	outcome pollOutcome
	plain   bool // the body must not be compressed
	body    []byte
	size    int // what it counts for in the queue
}

type pollOutcome uint8

const (
	unanswered      pollOutcome = iota // there is nothing to answer yet
	answered                           // the next poll may follow
	answeredLast                       // the session ends with the answer
	clientGone                         // there is no client to answer
	sessionReplaced                    // the session has changed to another transport
)

// await waits until there is an answer.
func (s *Session) await(ctx context.Context) pollAnswer {
	for {
		ready := s.out.Ready()
		if items, size, more := s.out.Take(nil, pollSize); len(items) > 0 {
			a := pollAnswer{outcome: answered}
			a.body, a.plain = encodePayload(items)
			a.size = cap(a.body)
			s.out.Recount(size, a.size)
			wsconn.FreeAll(items)
			s.mu.Lock()
			if s.state != stateOpen && !more {
				a.body, a.outcome = append(a.body, separator, typeClose), answeredLast
				s.notice = max(s.notice, noticeSent)
			}
			s.mu.Unlock()
			return a
		}
		s.mu.Lock()
		a, pause := s.emptyAnswer()
		s.mu.Unlock()
		if a.outcome != unanswered {
			return a
		}
		if !s.wait(ctx, ready, pause) {
			return pollAnswer{outcome: clientGone}
		}
	}
}

// wait blocks until there may be an answer; false when the client has gone.
func (s *Session) wait(ctx context.Context, ready <-chan struct{}, pause time.Duration) bool {
	var later <-chan time.Time
	if pause > 0 {
		t := time.NewTimer(pause)
		defer t.Stop()
		later = t.C
	}
	select {
	case <-ready:
	case <-s.overHTTP().wakeup:
	case <-later:
	case <-ctx.Done():
		return false
	}
	return true
}

// emptyAnswer returns the answer that ends a poll although nothing waits to be sent.
// Without one, pause is when to try again, if not 0. s.mu is held.
func (s *Session) emptyAnswer() (a pollAnswer, pause time.Duration) {
	p := s.overHTTP()
	switch {
	case p.requests.noopDue:
		p.requests.noopDue = false
		return pollAnswer{outcome: answered, body: []byte{typeNoop}}, 0
	case s.conn != nil:
		return pollAnswer{outcome: sessionReplaced}, 0
	case s.state != stateOpen && s.notice == noticeClient:
		return pollAnswer{outcome: answered, body: []byte{typeNoop}}, 0
	case s.state != stateOpen:
		s.notice = max(s.notice, noticeSent)
		return pollAnswer{outcome: answeredLast, body: []byte{typeClose}}, 0
	case p.upgrading.probed:
		if pause = noopPause - time.Since(p.requests.noopAt); pause <= 0 {
			p.requests.noopAt = time.Now()
			return pollAnswer{outcome: answered, body: []byte{typeNoop}}, 0
		}
	}
	return pollAnswer{}, pause
}

// startRequest reports whether no other GET, or POST, is under way. running is the flag
// of that kind of request; endRequest clears it.
func (s *Session) startRequest(running *bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := *running
	*running = true
	return !was
}

func (s *Session) endRequest(running *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*running = false
}

// endPoll records that no poll is pending. The close packet is sent once, and an answer that was
// ready before the session ended is without it.
func (s *Session) endPoll(outcome pollOutcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overHTTP().requests.polling = false
	if s.state == stateClosed || outcome == answeredLast {
		s.leave()
	}
}

// encodePayload joins packets, https://socket.io/docs/v4/engine-io-protocol/#http-long-polling-1
func encodePayload(items []wsconn.Item) (b []byte, plain bool) {
	plain = true
	n := 0
	for _, it := range items {
		n += it.Size()
	}
	b = make([]byte, 0, n+len(items)+4)
	for _, it := range items {
		plain = plain && it.Plain
		b = appendPacket(b, it.Frame)
		for _, f := range it.More {
			b = appendPacket(b, f)
		}
	}
	return b, plain
}

func appendPacket(b []byte, f *wsconn.Frame) []byte {
	if len(b) > 0 {
		b = append(b, separator)
	}
	if f.Text() {
		return append(b, f.Payload()...)
	}
	return appendBase64(b, f.Payload())
}

// post handles a POST: packets of the client.
func (s *Session) post(w http.ResponseWriter, r *http.Request) {
	over := s.overHTTP()
	if !s.startRequest(&over.requests.posting) {
		s.fail("two posts at once")
		errRequest("another POST of the session is under way").write(w)
		return
	}
	body, p := s.readBody(w, r)
	if p == nil {
		over.postGone.Store(false)
		watched := context.AfterFunc(r.Context(), func() { over.postGone.Store(true) })
		defer watched()
		if err := s.deliver(body); errors.Is(err, errReplaced) {
			p = errRequest(err.Error())
		} else if err != nil {
			r := reasonOf(err)
			switch {
			case errors.Is(err, errClientClosed):
				s.closedByClient()
			case errors.As(err, new(packetError)):
				s.mu.Lock()
				s.notice = max(s.notice, noticeMoot)
				s.mu.Unlock()
			}
			s.closeNow(r)
			if r.Cause != websockets.CauseTransportClose {
				p = errRequest(err.Error())
			}
		}
	}
	s.endRequest(&over.requests.posting) // before the answer
	if p != nil {
		p.write(w)
		return
	}
	setHeader(w.Header(), "text/plain; charset=UTF-8", len("ok"))
	_, _ = io.WriteString(w, "ok")
}

// pollGrace is how much later than a close packet the poll may arrive that was sent
// together with it, on another connection.
const pollGrace = 10 * time.Millisecond

// closedByClient records that the client has closed the session, and waits for its last
// poll, which is answered with a noop.
func (s *Session) closedByClient() {
	p := s.overHTTP()
	s.mu.Lock()
	s.notice = noticeClient
	var arrived chan struct{}
	if !p.requests.polling {
		arrived = make(chan struct{})
		p.requests.pollArrived = arrived
	}
	s.mu.Unlock()
	if arrived != nil {
		await.Within(pollGrace, arrived)
	}
}

func (s *Session) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	limit := s.srv.cfg.Limits.MaxMessage
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case strings.EqualFold(strings.TrimSpace(kind), "application/octet-stream"):
		s.fail("binary content")
		return nil, errRequest("Engine.IO 4 sends binary data as base64 text")
	case !rfc6455.OnlyToken(r.Header["Content-Encoding"], "identity"):
		return nil, errStatus(http.StatusUnsupportedMediaType, "bodies must not be compressed")
	case r.ContentLength > limit:
		return nil, s.tooLarge()
	}
	rc := http.NewResponseController(w)
	if !s.timePost(rc) {
		return nil, errSession()
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	s.mu.Lock()
	s.overHTTP().requests.abortPost = nil
	replaced, ended := s.conn != nil, s.state != stateOpen
	s.mu.Unlock()
	if err == nil {
		_ = rc.SetReadDeadline(time.Time{}) // only here: otherwise it bounds the rest of the body
		return body, nil
	}
	wsconn.CloseAfter(w, r) // the rest of the body would be read as a request
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, s.tooLarge()
	}
	switch {
	case ended: // which has ended the reading
		return nil, errSession()
	case !replaced:
		s.fail("the body of a POST ended early")
	}
	return nil, errRequest("the body ended early")
}

// tooLarge ends the session, because what the client sent is lost.
func (s *Session) tooLarge() *problem {
	s.closeNow(websockets.Reason{Cause: websockets.CauseMessageTooBig})
	return errStatus(http.StatusRequestEntityTooLarge, "the body is longer than maxPayload")
}

// timePost makes the end of the session, or of polling, end the reading of a POST. It
// returns false when that has happened already.
func (s *Session) timePost(rc *http.ResponseController) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateClosed || s.conn != nil {
		return false
	}
	s.overHTTP().requests.abortPost = func() { _ = rc.SetReadDeadline(time.Unix(1, 0)) }
	return true
}

// firstRead is the memory for a body of which nothing has arrived.
const firstRead = 512

// readAll reads a body of the announced size, or of any with a negative one. It holds
// firstRead bytes or twice what has arrived, because announcing a size costs the client
// nothing.
func readAll(r io.Reader, size int64) ([]byte, error) {
	if size < 0 {
		size = math.MaxInt64 - 1
	}
	// One byte more than announced, so that reading the end needs no larger buffer.
	b := make([]byte, 0, min(firstRead, size+1))
	for {
		if room := int64(cap(b)); int64(len(b)) == room {
			if room *= 2; int64(len(b)) <= size {
				room = min(room, size+1)
			}
			b = append(make([]byte, 0, room), b...)
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		}
	}
}

var errReplaced = errors.New("the session has changed to websocket")

// deliver passes the packets of a payload to the handler.
func (s *Session) deliver(body []byte) (err error) {
	over := s.overHTTP()
	if !utf8.Valid(body) {
		return errUTF8
	}
	s.recv.Lock()
	defer s.recv.Unlock()
	if s.websocket() { // the packets of the WebSocket are handled already
		return errReplaced
	}
	over.body.open = true
	defer func() {
		after := over.body.after
		over.body = postBody{}
		for _, f := range after {
			f()
		}
	}()
	defer func() {
		if v := recover(); v != nil {
			s.srv.cfg.Logger.Error("a session panicked", append([]any{"client", s.name()}, recovered.New(v).Attrs()...)...)
			err = errInternal
		}
	}()
	for {
		var work adapter.Work
		p, rest, more := bytes.Cut(body, []byte{separator})
		work, err = s.packet(p)
		if work != nil {
			work.Start()
		}
		if err != nil || !more {
			return err
		}
		body = rest
	}
}
