package gateway

import (
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// run starts the client: on this goroutine when no function of the user is called.
func (s *session) run() {
	connected := s.hs.TakeConnected(framework)
	if len(connected) == 0 && s.formerSession() == nil && s.awaits() == nil &&
		!slices.ContainsFunc(s.ep.gateways, func(g *boundGateway) bool { return g.onConnection != nil }) {
		s.start(nil)
		return
	}
	go s.start(connected)
}

// start runs the functions of OnConnected and the connection hooks, then drains the inbox.
func (s *session) start(connected []func(websockets.Client)) {
	if over := s.awaits(); over != nil { // the hooks of its former connection
		<-over
	}
	if former := s.formerSession(); former != nil { // two clients with one ID follow each other
		<-former.suspended.hooksDone
		s.hs.Values().Inherit(former.hs.Values())
		s.mu.Lock()
		s.extra.former = nil
		s.mu.Unlock()
	}
	for _, f := range connected {
		s.recoverUser("connected", func() { f(s) })
	}
	for _, g := range s.ep.gateways {
		s.mu.Lock()
		stop := s.state.discards()
		if !stop {
			s.hooked++
		}
		s.mu.Unlock()
		if stop {
			break
		}
		if g.onConnection == nil {
			continue
		}
		start := pipe.Now()
		if err := s.connectHook(g, start); err != nil {
			s.refuse(g, start, err)
			break
		}
	}
	s.ready()
	s.drainInbox()
}

// ready opens the inbox, unless the client was refused.
func (s *session) ready() {
	s.trimRequest()
	if s.ep.hooks != nil {
		s.observeReady()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.admitted() {
		s.advance(hooksAccepted, inputOpen)
		s.record.accepted()
	} else {
		s.discardInbox()
	}
	s.startMore()
}

// admitted reports whether every HandleConnection has accepted the client; s.mu is held.
func (s *session) admitted() bool {
	return !s.state.discards() && int(s.hooked) == len(s.ep.gateways)
}

func (s *session) observeReady() {
	s.mu.Lock()
	admitted := s.admitted()
	s.mu.Unlock()
	if admitted {
		s.ep.hooks.Ready(s)
	}
}

func (s *session) connectHook(g *boundGateway, start pipe.Moment) (err error) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			err = recovered.New(v)
		} else if !returned {
			s.refuse(g, start, errExited)
			s.ready()
			go s.drainInbox()
		}
	}()
	err = g.onConnection.HandleConnection(s.ctx, s)
	callErrorMethods(err)
	returned = true
	return err
}

// refuse closes a client that HandleConnection has refused.
func (s *session) refuse(g *boundGateway, start pipe.Moment, err error) {
	if endedWith(s.ctx, err) { // the client has left, or the application stops
		s.ep.log.DebugContext(s.ctx, "HandleConnection ended with the client", "gateway", g.short, "client", s.ID(), "error", err)
		s.mu.Lock()
		s.advance(hooksRefused, inputOpen)
		s.mu.Unlock()
		s.reportRefused(g, start, err, nil)
		return
	}
	e, status := s.connectError(err, g)
	_ = s.queue(s.exception(e, "handleConnection", nil), 0, nil)
	r := websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: s.refusalCode(status), Text: closeText(e.Message)}
	s.mu.Lock()
	s.advance(hooksRefused, inputOpen)
	if !s.state.leaving() {
		s.ensureExtra().reason = r
	}
	s.mu.Unlock()
	s.ep.rt.afterOwn(func() { s.conn.Close(r) })
	s.reportRefused(g, start, err, e)
	s.ep.observeRefusal(s.hs, observe.Refusal{Stage: observe.StageHook, Err: err, Sent: e, Client: s})
}

// refusalCode returns the close code for a client that HandleConnection has refused.
func (s *session) refusalCode(status int) int {
	if c, ok := s.conn.(adapter.Refuser); ok {
		if code := c.RefusalCode(status); code != 0 {
			return code
		}
	}
	return 1008
}

// connectError returns what a client that HandleConnection has refused may see of the error, and
// the HTTP status that it stands for.
func (s *session) connectError(err error, g *boundGateway) (_ *websockets.Error, status int) {
	for _, a := range s.ep.admissions {
		if a.gateway == g && a.chain.Filtered() {
			if e := a.chain.Catch(s.ctx, s.ep.connectCall(s.hs, a), err, s.ep.log); e != nil {
				return e, httperr.Status(e)
			}
		}
	}
	return s.logError(s.ctx, err, g, "handleConnection"), httperr.Status(err)
}
