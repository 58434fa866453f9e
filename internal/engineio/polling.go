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
)

// separator stands between the packets of a payload.
const separator = '\x1e'

// noopPause is the time between two polls that are ended for an upgrade's sake:
// a client that has not noticed yet should not poll in a tight loop.
const noopPause = 100 * time.Millisecond

// poll answers a GET: with what waits, as soon as something does.
func (s *Session) poll(w http.ResponseWriter, r *http.Request) {
	if !s.occupy(&s.polling) {
		s.fail("two polls at once")
		errRequest("another poll of the session is pending").write(w)
		return
	}
	s.mu.Lock()
	s.srv.unpolled.Remove(&s.unpolled)
	if s.pollCame != nil {
		close(s.pollCame)
		s.pollCame = nil
	}
	s.mu.Unlock()
	s.polledAt.Store(s.srv.group.Clock.Coarse())
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // it would end the wait as if the client had gone
	s.polledNow()
	a := s.await(r.Context())
	s.out.Forgo()
	s.vacate(&s.polling) // before the client can know: its next poll may come at once
	switch {
	case a.gone:
		s.fail("the poll was cancelled")
		return
	case a.late:
		errRequest(errReplaced.Error()).write(w)
		return
	case a.body == nil: // closed by a mistake of the client, or of ours
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
		s.watchPolls()
	}
}

// answerTo is what a poll is answered.
type answerTo struct {
	body  []byte
	size  int  // what it counts for in the queue
	plain bool // not to be compressed
	last  bool // the session ends with it
	gone  bool // nobody is there to be answered
	late  bool // the session is not polled any more
}

func (s *Session) await(ctx context.Context) answerTo {
	for {
		ready := s.out.Ready()
		if items, size, more := s.out.Take(nil, pollSize); len(items) > 0 {
			var a answerTo
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
		if a.body != nil || a.late {
			return a
		}
		if !s.wait(ctx, ready, pause) {
			return answerTo{gone: true}
		}
	}
}

// wait blocks until a poll has to be looked at again; false when its client has gone.
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

// emptyAnswer is what ends a poll although nothing waits; s.mu is held. Without
// one, pause tells when to look again.
func (s *Session) emptyAnswer() (a answerTo, pause time.Duration) {
	switch {
	case s.noopDue:
		s.noopDue = false
		return answerTo{body: []byte{typeNoop}}, 0
	case s.conn != nil:
		return answerTo{late: true}, 0
	case s.state != stateOpen && s.byClient:
		return answerTo{body: []byte{typeNoop}}, 0
	case s.state != stateOpen:
		return answerTo{body: []byte{typeClose}, last: true}, 0
	case s.probed:
		if pause = noopPause - time.Since(s.noopAt); pause <= 0 {
			s.noopAt = time.Now()
			return answerTo{body: []byte{typeNoop}}, 0
		}
	}
	return answerTo{}, pause
}

// occupy takes the place of the one GET, or POST, that may be under way.
func (s *Session) occupy(place *bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := *place
	*place = true
	return !was
}

func (s *Session) vacate(place *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*place = false
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

// post takes what a client sends.
func (s *Session) post(w http.ResponseWriter, r *http.Request) {
	if !s.occupy(&s.posting) {
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
			if errors.Is(err, errGoodbye) {
				s.leftByClient()
			}
			s.closeNow(r)
			if r.Cause != websockets.CauseTransportClose {
				p = errRequest(err.Error())
			}
		}
	}
	s.vacate(&s.posting) // before the client can know
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

// pollGrace is how long a poll that was sent together with a close packet may
// come after it: the two take different connections.
const pollGrace = 10 * time.Millisecond

// leftByClient notes that the client has closed the session. Its poll, which is
// to be answered with a noop, may still be on its way.
func (s *Session) leftByClient() {
	s.mu.Lock()
	s.byClient = true
	var came chan struct{}
	if !s.polling {
		came = make(chan struct{})
		s.pollCame = came
	}
	s.mu.Unlock()
	if came == nil {
		return
	}
	t := time.NewTimer(pollGrace)
	defer t.Stop()
	select {
	case <-came:
	case <-t.C:
	}
}

func (s *Session) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	limit := s.srv.cfg.Limits.MaxMessage
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch {
	case strings.EqualFold(strings.TrimSpace(kind), "application/octet-stream"):
		s.fail("binary content")
		return nil, errRequest("Engine.IO 4 sends binary data in base64, as text")
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
	s.cutPost = nil
	replaced, ended := s.conn != nil, s.state != stateOpen
	s.mu.Unlock()
	if err == nil {
		_ = rc.SetReadDeadline(time.Time{}) // of nothing else: what is left of a body is bounded by it
		return body, nil
	}
	w.Header().Set("Connection", "close") // what is left of the body cannot be told from a request
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, s.tooLarge()
	}
	switch {
	case ended: // and with it the reading
		return nil, errSession()
	case !replaced:
		s.fail("a POST was cut off")
	}
	return nil, errRequest("the body ended early")
}

// tooLarge ends the session: its client has lost what it sent.
func (s *Session) tooLarge() *problem {
	s.closeNow(websockets.Reason{Cause: websockets.CauseMessageTooBig})
	return errTooLarge()
}

// timePost bounds the reading of a POST, which ends with the session, and when
// another transport takes over.
func (s *Session) timePost(rc *http.ResponseController) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == stateClosed || s.conn != nil {
		return false
	}
	s.cutPost = func() { _ = rc.SetReadDeadline(time.Unix(1, 0)) }
	return true
}

// maxAhead is how much memory a body gets before it has come: what it announces
// costs its client nothing.
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

// deliver hands on the packets of a payload.
func (s *Session) deliver(body []byte) (err error) {
	if !utf8.Valid(body) {
		return errUTF8
	}
	s.recv.Lock()
	defer s.recv.Unlock()
	if s.websocket() { // what came that way is handled first, so this is too late
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
		p, rest, more := bytes.Cut(body, []byte{separator})
		if len(p) > 0 && p[0] == typeBinary {
			b, decodeErr := base64.StdEncoding.AppendDecode(nil, p[1:])
			if decodeErr != nil {
				return errBase64
			}
			err = s.handler.Message(false, b)
		} else {
			err = s.packet(p)
		}
		if err != nil || !more {
			return err
		}
		body = rest
	}
}
