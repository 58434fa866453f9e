package engineio

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// separator separates the packets of a payload.
const separator = '\x1e'

// noopPause is the time between two polls that are answered with a noop during an
// upgrade, so that the client does not poll in a tight loop.
const noopPause = 100 * time.Millisecond

// poll answers a GET with what waits to be sent, as soon as something does.
func (s *Session) poll(w http.ResponseWriter, r *http.Request) {
	if !s.startRequest(&s.polling) {
		s.fail("two polls at once")
		errRequest("another poll of the session is pending").write(w)
		return
	}
	s.mu.Lock()
	s.srv.unpolled.Remove(&s.unpolled)
	if s.pollArrived != nil {
		close(s.pollArrived)
		s.pollArrived = nil
	}
	s.mu.Unlock()
	s.polledAt.Store(s.srv.group.Clock.Coarse())
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a deadline would end the wait as if the client had gone
	s.notePoll()
	a := s.await(r.Context())
	s.out.CancelReady()
	s.endRequest(&s.polling) // before the answer: the next poll may follow at once
	switch {
	case a.gone:
		s.fail("the poll was cancelled")
		return
	case a.replaced:
		errRequest(errReplaced.Error()).write(w)
		return
	case a.body == nil: // closed because of an error
		a.body = []byte{typeClose}
	}
	err := s.answer(w, r, &a)
	s.out.Sent(a.size)
	switch {
	case err != nil:
		s.fail("a poll could not be answered")
	case a.last:
		s.end(websockets.Reason{})
	default:
		s.trackPolls()
	}
}

// pollAnswer is the answer to a poll.
type pollAnswer struct {
	body     []byte
	size     int  // what it counts for in the queue
	plain    bool // it must not be compressed
	last     bool // the session ends with it
	gone     bool // the client has gone: there is no answer
	replaced bool // the session has changed to another transport
}

// await waits until there is an answer.

func (s *Session) await(ctx context.Context) pollAnswer {
	for {
		ready := s.out.Ready()
		if items, size, more := s.out.Take(nil, pollSize); len(items) > 0 {
			var a pollAnswer
			a.body, a.plain = encodePayload(items)
			a.size = cap(a.body)
			s.out.Recount(size, a.size)
			wsconn.FreeAll(items)
			s.mu.Lock()
			if s.state != stateOpen && !more {
				a.body, a.last = append(a.body, separator, typeClose), true
			}
			s.mu.Unlock()
			return a
		}
		s.mu.Lock()
		a, pause := s.emptyAnswer()
		s.mu.Unlock()
		if a.body != nil || a.replaced {
			return a
		}
		if !s.wait(ctx, ready, pause) {
			return pollAnswer{gone: true}
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
	case <-s.wakeup:
	case <-later:
	case <-ctx.Done():
		return false
	}
	return true
}

// emptyAnswer returns the answer that ends a poll although nothing waits to be sent.
// Without one, pause is when to try again, if not 0. s.mu is held.
func (s *Session) emptyAnswer() (a pollAnswer, pause time.Duration) {
	switch {
	case s.noopDue:
		s.noopDue = false
		return pollAnswer{body: []byte{typeNoop}}, 0
	case s.conn != nil:
		return pollAnswer{replaced: true}, 0
	case s.state != stateOpen && s.byClient:
		return pollAnswer{body: []byte{typeNoop}}, 0
	case s.state != stateOpen:
		return pollAnswer{body: []byte{typeClose}, last: true}, 0
	case s.probed:
		if pause = noopPause - time.Since(s.noopAt); pause <= 0 {
			s.noopAt = time.Now()
			return pollAnswer{body: []byte{typeNoop}}, 0
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
	return base64.StdEncoding.AppendEncode(append(b, typeBinary), f.Payload())
}

// post handles a POST: packets of the client.
func (s *Session) post(w http.ResponseWriter, r *http.Request) {
	if !s.startRequest(&s.posting) {
		s.fail("two posts at once")
		errRequest("another POST of the session is under way").write(w)
		return
	}
	body, p := s.readBody(w, r)
	if p == nil {
		s.postGone.Store(false)
		watched := context.AfterFunc(r.Context(), func() { s.postGone.Store(true) })
		defer watched()
		if err := s.deliver(body); errors.Is(err, errReplaced) {
			p = errRequest(err.Error())
		} else if err != nil {
			r := reasonOf(err)
			if errors.Is(err, errClientClosed) {
				s.closedByClient()
			}
			s.closeNow(r)
			if r.Cause != websockets.CauseTransportClose {
				p = errRequest(err.Error())
			}
		}
	}
	s.endRequest(&s.posting) // before the answer
	if p != nil {
		p.write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Content-Length", "2")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, "ok")
}

// pollGrace is how much later than a close packet the poll may arrive that was sent
// together with it, on another connection.
const pollGrace = 10 * time.Millisecond

// closedByClient records that the client has closed the session, and waits for its last
// poll, which is answered with a noop.
func (s *Session) closedByClient() {
	s.mu.Lock()
	s.byClient = true
	var arrived chan struct{}
	if !s.polling {
		arrived = make(chan struct{})
		s.pollArrived = arrived
	}
	s.mu.Unlock()
	if arrived == nil {
		return
	}
	t := time.NewTimer(pollGrace)
	defer t.Stop()
	select {
	case <-arrived:
	case <-t.C:
	}
}

func (s *Session) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	limit := s.srv.cfg.Limits.MaxMessage
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case strings.EqualFold(strings.TrimSpace(kind), "application/octet-stream"):
		s.fail("binary content")
		return nil, errRequest("Engine.IO 4 sends binary data as base64 text")
	case r.Header.Get("Content-Encoding") != "":
		p := errRequest("bodies must not be compressed")
		p.status = http.StatusUnsupportedMediaType
		return nil, p
	case r.ContentLength > limit:
		return nil, s.tooLarge()
	}
	rc := http.NewResponseController(w)
	if !s.timePost(rc) {
		return nil, errSession()
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	s.mu.Lock()
	s.abortPost = nil
	replaced, ended := s.conn != nil, s.state != stateOpen
	s.mu.Unlock()
	if err == nil {
		_ = rc.SetReadDeadline(time.Time{}) // only here: otherwise it bounds the rest of the body
		return body, nil
	}
	w.Header().Set("Connection", "close") // the rest of the body would be read as a request
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
	return errTooLarge()
}

// timePost makes the end of the session, or of polling, end the reading of a POST. It
// returns false when that has happened already.
func (s *Session) timePost(rc *http.ResponseController) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateClosed || s.conn != nil {
		return false
	}
	s.abortPost = func() { _ = rc.SetReadDeadline(time.Unix(1, 0)) }
	return true
}

// maxAhead bounds the memory that is allocated for a body before it has arrived: its
// announced length costs the client nothing.
const maxAhead = 32 << 10

func readAll(r io.Reader, size int64) ([]byte, error) {
	var b bytes.Buffer
	if size > 0 {
		b.Grow(int(min(size, maxAhead)) + bytes.MinRead)
	}
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

var (
	errUTF8     = errors.New("the body is not UTF-8")
	errBase64   = errors.New("binary data that is not base64")
	errReplaced = errors.New("the session has changed to websocket")
)

// deliver passes the packets of a payload to the handler.
func (s *Session) deliver(body []byte) (err error) {
	if !utf8.Valid(body) {
		return errUTF8
	}
	s.recv.Lock()
	defer s.recv.Unlock()
	if s.websocket() { // the packets of the WebSocket are handled already
		return errReplaced
	}
	s.inBody = true
	defer func() {
		after := s.after
		s.inBody, s.after = false, nil
		for _, f := range after {
			f()
		}
	}()
	defer func() {
		if v := recover(); v != nil {
			s.srv.cfg.Logger.Error("a session panicked", "client", s.name(), "panic", v, "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	for {
		var work adapter.Work
		p, rest, more := bytes.Cut(body, []byte{separator})
		if len(p) > 0 && p[0] == typeBinary {
			b, decodeErr := base64.StdEncoding.AppendDecode(nil, p[1:])
			if decodeErr != nil {
				return errBase64
			}
			work, err = s.handler.Message(false, b)
		} else {
			work, err = s.packet(p)
		}
		if work != nil {
			work.Start()
		}
		if err != nil || !more {
			return err
		}
		body = rest
	}
}
