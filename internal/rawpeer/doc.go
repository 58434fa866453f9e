// Package rawpeer is a client for tests that violate protocols: it writes any bytes
// over TCP or TLS and reads the responses. It enforces no rules.
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
//	p.Reset()                                         // RST; Close: FIN; HalfClose: FIN, can still read
//
//	p := rawpeer.On(t, conn)                          // on a connection of another kind, such as a pipe
//	p.Exact(rawpeer.Fin|rawpeer.OpText)               // the next frame must be this one
//
// On top of it, [Engine] sends the requests of Engine.IO, [Wire] is a session over
// polling or WebSocket, and [Enter] and [Echo] use Socket.IO on it:
//
//	e := rawpeer.NewEngine(t, addr)
//	s := e.Poll()                    // a session over polling
//	s.Send("40"); s.Read()           // a POST; the next packet of polls
//	a := s.Get(); a = s.Post("4…")   // or one by one, on separate connections
//	w := s.Probe(); w.Send("5")      // the upgrade
//	w := e.WebSocket()               // a session over WebSocket, and its frames
//
// [AliveWS], [AliveSocketIO] and [AlivePolling] check that a server still serves a
// correct client. Package stage below has servers for these tests.
package rawpeer
