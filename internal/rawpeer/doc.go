// Package rawpeer is a client for tests that break protocols: it writes any
// bytes over TCP or TLS, and reads what comes back. It keeps no rule by itself.
//
//	p := rawpeer.Dial(t, addr)
//	p.Write(rawpeer.Upgrade("/ws", "Origin: null"))   // any bytes of HTTP
//	answer := p.Answer()                              // status, header, body
//
//	p := rawpeer.Open(t, addr, "/ws")                 // the same, and 101
//	p.Send(`{"event":"echo","data":"hi"}`)            // one text frame
//	p.Want(`{"event":"echo","data":"hi"}`)
//	p.Frame(rawpeer.Fin|rawpeer.OpPing, "hello")      // any frame
//	p.Write(rawpeer.Frame{First: 0x81, Claim: 1 << 62}.Bytes())
//	p.WantClose(1009)
//	p.Reset()                                         // RST; Close: FIN; HalfClose: FIN, and reads on
//
// On top of it [Engine] knows the requests of Engine.IO, [Wire] is what a
// session over polling and one over WebSocket have in common, and [Enter] and
// [Echo] speak Socket.IO on it:
//
//	e := rawpeer.NewEngine(t, addr)
//	s := e.Poll()                    // a session over polling
//	s.Send("40"); s.Read()           // a POST; the next packet of polls
//	a := s.Get(); a = s.Post("4…")   // or one by one, on connections of their own
//	w := s.Probe(); w.Send("5")      // the upgrade
//	w := e.WebSocket()               // a session over WebSocket, and its frames
//
// [AliveWS], [AliveSocketIO] and [AlivePolling] check that a server still serves a
// client that behaves. Servers for these tests are in the package stage below.
package rawpeer

import "time"

// Patience bounds every wait of a peer. It is long: a test that waits for it
// has failed already.
const Patience = 30 * time.Second
