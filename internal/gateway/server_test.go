package gateway

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestServerWithoutClients: calls of a provider before the start or after the stop are harmless.
func TestServerWithoutClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d)
		early := &testGateway{}
		if err := inject(newBoundGateway(k.rt, gatewayPlan{value: early})); err != nil { // before Bind is done
			t.Fatal(err)
		}
		idle := func(s *websockets.Server) {
			t.Helper()
			for _, to := range []websockets.Selection{s.All(), s.To("a").Except(nil).ExceptRooms("b"), s.Of("chat"), s.To()} {
				if err := to.Emit(t.Context(), "x", 1); err != nil {
					t.Errorf("Emit: %v", err)
				}
				if res, err := vote.CallAll(t.Context(), to, "?"); err != nil || len(res.Answered)+len(res.Missing) != 0 {
					t.Errorf("Call: %v, %v", res, err)
				}
				to.Local().Join("a")
				to.Local().Leave("a")
				to.Local().Disconnect()
				if n := len(slices.Collect(to.Local().Clients())); n != 0 || to.Local().Len() != 0 {
					t.Errorf("%d clients", n)
				}
			}
			if a := s.Addr(); a != nil {
				t.Errorf("address %v", a)
			}
			if n := len(slices.Collect(s.Natives())); n != 0 {
				t.Errorf("%d native servers", n)
			}
		}
		idle(early.Server)
		unset := (*websockets.Server)(nil)
		if err := unset.To("a").Emit(t.Context(), "x", 1); !errors.Is(err, websockets.ErrNoServer) || unset.Local().Len() != 0 {
			t.Errorf("a nil server: %v", err)
		}
		k.rt.Refuse() // Open comes last
		if err := k.endpoint().Admit(t.Context(), k.handshake("/")); !errors.Is(err, errNotAccepting) {
			t.Errorf("Admit: %v", err)
		}
		idle(d.Server)
		k.rt.Open()
		p := k.dial()
		c := p.client()
		k.stop()
		p.got()
		idle(d.Server)
		p.want(t)
		if err := c.Join("a"); !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("Join: %v", err)
		}
		if _, err := c.Call(t.Context(), "x", 1); !errors.Is(err, websockets.ErrClosed) {
			t.Errorf("Call: %v", err)
		}
		c.Leave("a")
		c.Disconnect()
	})
}
