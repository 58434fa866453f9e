package frames_test

import (
	"context"
	"crypto/tls"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFault_F26_DataAfterClose: Data that a client sends after its close frame, or after the server's, is not
// handled.
func TestFault_F26_DataAfterClose(t *testing.T) {
	kick := stage.Handle(websockets.Listen("kick", func(ctx context.Context, _ string) error {
		websockets.ClientFrom(ctx).Disconnect()
		return nil
	}))
	lines(t, options{more: []stage.Option{kick}}, func(t *testing.T, l *line) {
		noop := text(l.message("noop", "late"))
		for i, slice := range []int{1 << 20, 1} {
			p := l.open()
			l.echo(p, "in time")
			events := l.Events()
			_ = p.TrySlices(frame(rawpeer.Fin|rawpeer.OpClose, rawpeer.ClosePayload(1000, ""))+noop+noop+frame(0x80, "x")+frame(0x83, ""), slice)
			p.WantClose(1000)
			l.WantGone(i + 1)
			if l.Events() != events {
				t.Errorf("%d messages were handled after its close frame", l.Events()-events)
			}
		}
		p := l.open()
		p.Send(l.message("kick", ""))
		if l.name == overWS {
			p.Want("41")
		} else if code, _ := p.Closed(); code != 1000 {
			t.Errorf("closed with %d", code)
		}
		events := l.Events()
		_ = p.TryWrite(noop + noop)
		p.Close()
		reasons := l.WantGone(3)
		if l.Events() != events {
			t.Errorf("%d messages were handled after the server's close frame", l.Events()-events)
		}
		if reasons[0].Cause != websockets.CauseClientDisconnect && l.name == plain || reasons[2].Cause != websockets.CauseServerDisconnect {
			t.Errorf("reasons %v", reasons)
		}
		l.alive()
	})
}

// TestFault_F29_ByteByByte: Messages that arrive one byte at a time, with fragments, pings and an empty message among
// them, are handled as if they arrived at once.
func TestFault_F29_ByteByByte(t *testing.T) {
	lines(t, options{}, func(t *testing.T, l *line) {
		m := l.message("noop", "é and €")
		raw := text(m) + frame(0x01, m[:8]) + frame(0x89, "ping") + frame(0x00, "") + frame(0x00, m[8:len(m)-3]) + frame(0x80, m[len(m)-3:]) +
			frame(0x8a, "unasked") + text(l.ofSize(125)) + text(l.ofSize(126)) + text(l.ofSize(300))
		for _, slice := range []int{len(raw), 1, 2, 7} {
			before := l.Events()
			p := l.open()
			if err := p.TrySlices(raw, slice); err != nil {
				t.Fatal(err)
			}
			if got, err := p.Next(); err != nil || got.First != rawpeer.Fin|rawpeer.OpPong || got.Payload != "ping" {
				t.Errorf("got %s, %v, want the pong", got, err)
			}
			l.echo(p, "last")
			if n := l.Events() - before; n != 6 {
				t.Errorf("in slices of %d %d messages were handled", slice, n)
			}
			p.Close()
		}
		l.WantGone(4)
		l.alive()
	})
}

// TestFault_F30_HalfOpen: A peer that disappears without FIN or RST is closed with a ping timeout.
func TestFault_F30_HalfOpen(t *testing.T) {
	o := options{limits: websockets.Limits{PingInterval: 200 * time.Millisecond, PingTimeout: 2 * time.Second}}
	want := func(t *testing.T, s *stage.Stage) {
		t.Helper()
		if r := s.WantGone(1)[0]; r.Cause != websockets.CausePingTimeout {
			t.Errorf("reason %v", r)
		}
	}
	lines(t, o, func(t *testing.T, l *line) {
		l.echo(l.open(), "last words")
		want(t, l.Stage)
	})
	t.Run(byPolling, func(t *testing.T) {
		s := pollingStage(t, o)
		rawpeer.Enter(t, rawpeer.NewEngine(t, s.Addr).Poll(), "/", "")
		want(t, s)
	})
}

// TestFault_F32_ResetInAFrame: A reset within a frame's header, payload, fragments or control frame ends the client
// once, with a transport error, and complete messages before it are handled.
func TestFault_F32_ResetInAFrame(t *testing.T) {
	lines(t, options{}, func(t *testing.T, l *line) {
		whole := text(l.message("noop", "whole"))
		n := 0
		for _, part := range []string{"\x81", "\x81\xfe", "\x81\xfe\x01\x00\x01\x02", whole[:9], frame(0x01, "4"), frame(0x01, "4") + "\x00", "\x89\x85\x00\x00\x00\x00h", ""} {
			for _, end := range []func(*rawpeer.Peer){(*rawpeer.Peer).Reset, (*rawpeer.Peer).Close, (*rawpeer.Peer).HalfClose} {
				events := l.Events()
				p := l.open()
				l.echo(p, "so far")
				p.Write(part)
				end(p)
				n++
				r := l.WantGone(n)[n-1]
				if r.Cause != websockets.CauseTransportError && r.Cause != websockets.CauseTransportClose {
					t.Errorf("%q: reason %v", part, r)
				}
				if l.Events() != events+1 {
					t.Errorf("%q: %d events", part, l.Events()-events)
				}
			}
		}
		l.alive()
	})
}

// TestFault_F32_UnfinishedMessage: A message whose last frame is incomplete when the connection ends is not handled,
// even if the received part is valid, compressed or not.
func TestFault_F32_UnfinishedMessage(t *testing.T) {
	ends := map[string]func(*rawpeer.Peer){
		"RST": (*rawpeer.Peer).Reset, "FIN": (*rawpeer.Peer).Close, "half": (*rawpeer.Peer).HalfClose,
	}
	lines(t, options{deflate: true}, func(t *testing.T, l *line) {
		m := l.message("noop", "is all")
		d := deflated([]byte(m))
		cut := rawpeer.Frame{First: 0x81, Payload: m, Claim: uint64(len(m) + 1)}.Bytes()
		cutDeflated := rawpeer.Frame{First: 0xc1, Payload: d, Claim: uint64(len(d) + 1)}.Bytes()
		n := 0
		for what, raw := range map[string]string{
			"fragment": frame(0x01, m), "fragments": frame(0x01, m[:5]) + frame(0x00, m[5:]), "frame": cut,
			"compressed fragment": frame(0x41, d), "compressed frame": cutDeflated,
			"compressed, second frame": frame(0x41, d[:4]) + rawpeer.Frame{First: 0x80, Payload: d[4:], Claim: 100}.Bytes(),
		} {
			for how, end := range ends {
				events := l.Events()
				p := l.open(rawpeer.WithLines("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"))
				p.Write(raw)
				end(p)
				n++
				if r := l.WantGone(n)[n-1]; r.Cause != websockets.CauseTransportError && r.Cause != websockets.CauseTransportClose {
					t.Errorf("%s, %s: reason %v", what, how, r)
				}
				if l.Events() != events {
					t.Errorf("%s, %s: it was handled", what, how)
				}
			}
		}
		l.alive()
	})
}

// TestFault_F33_TLSCutOff: A TLS connection that ends without close_notify, between frames, in a frame or in a TLS
// record, ends the client once as a closed transport, and the server closes one that sends close_notify and keeps
// reading.
func TestFault_F33_TLSCutOff(t *testing.T) {
	lines(t, options{more: []stage.Option{stage.TLS()}}, func(t *testing.T, l *line) {
		l.opts = []rawpeer.DialOption{rawpeer.WithTLS(&tls.Config{InsecureSkipVerify: true})}
		for i, end := range []func(*rawpeer.Peer){
			(*rawpeer.Peer).Abort,
			func(p *rawpeer.Peer) { p.Write("\x81\xfe"); p.Abort() },
			func(p *rawpeer.Peer) { _, _ = p.TCP.Write([]byte("\x17\x03\x03\x40\x00half a record")); p.Abort() },
			(*rawpeer.Peer).Reset,
			(*rawpeer.Peer).Close,
			func(p *rawpeer.Peer) { p.HalfClose(); p.WantEnd() },
			func(p *rawpeer.Peer) { _, _ = p.TCP.Write([]byte("GET / HTTP/1.1\r\n\r\n")); p.WantEnd() }, // not TLS
		} {
			p := l.open()
			l.echo(p, "hi")
			end(p)
			r := l.WantGone(i + 1)[i]
			if !slices.Contains([]websockets.Cause{websockets.CauseTransportClose, websockets.CauseTransportError}, r.Cause) {
				t.Errorf("%d: reason %v", i, r)
			}
		}
		l.alive()
	})
}
