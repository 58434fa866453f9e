package gateway

import (
	"log/slog"
)

// A client is in two states at once, since it may leave while HandleConnection runs: how
// far its hooks are, and whether its messages are accepted. Both only move forward, by
// session.advance.

// hookState is how far HandleConnection of the gateways is.
type hookState uint8

const (
	hooksRunning  hookState = iota // messages wait
	hooksAccepted                  // messages are handled
	hooksRefused                   // messages are dropped, the connection is being closed
)

func (h hookState) String() string { return [...]string{"running", "accepted", "refused"}[h] }

// inputState is whether messages of the client are accepted.
type inputState uint8

const (
	inputOpen    inputState = iota
	inputClosed             // the connection has ended: what was received before is handled
	inputDropped            // the application stops: what waits is dropped
)

func (i inputState) String() string { return [...]string{"open", "closed", "dropped"}[i] }

// state is that of a client. Guarded by session.mu.
type state struct {
	hooks hookState
	input inputState
	cut   bool // the connection has ended, or is suspended
	ended bool // HandleDisconnect runs, or has run
}

// accepted reports whether HandleConnection of every gateway has returned nil.
func (s *state) accepted() bool { return s.hooks == hooksAccepted }

// leaving reports whether no message is accepted any more.
func (s *state) leaving() bool { return s.input != inputOpen }

// discards reports whether messages that wait are dropped.
func (s *state) discards() bool { return s.hooks == hooksRefused || s.input == inputDropped }

// advance moves the client's state forward; s.mu is held.
func (s *session) advance(hooks hookState, input inputState) {
	from := s.state
	s.state.hooks, s.state.input = max(from.hooks, hooks), max(from.input, input)
	if log := s.ep.log; s.state != from && log.Enabled(s.ctx, slog.LevelDebug) {
		log.DebugContext(s.ctx, "client state", "client", s.ID(), "hooks", s.state.hooks.String(), "input", s.state.input.String())
	}
}
