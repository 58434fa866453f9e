package lines

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/gatehouse-go/gatehouse/websockets/adaptertest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }

// snippet:conformance
func TestConformance(t *testing.T) {
	adaptertest.Run(t, adaptertest.Config{
		New: func() adapter.Adapter { return New() },
		Dial: func(t testing.TB, baseURL, target string, opts ...apptest.DialOption) (*apptest.Client, error) {
			t.Helper()
			return apptest.TryDial(t, func(ctx context.Context, o *apptest.DialConfig) (apptest.Wire, error) {
				nc, err := o.Upgrade(ctx, baseURL+target, "lines")
				return &wire{nc, bufio.NewReader(nc)}, err
			}, opts...)
		},
		ShutdownClose: apptest.Close{Code: 1001, Reason: "server shutting down"},
	})
}

// end

// snippet:wire
type wire struct {
	nc net.Conn
	r  *bufio.Reader
}

func (w *wire) NetConn() net.Conn { return w.nc }

func (w *wire) Send(_ context.Context, p apptest.Packet) error {
	l := line{Event: p.Event, Data: p.Data}
	switch p.Kind {
	case apptest.PacketEvent:
		if p.Reply {
			l.ID = p.ID
		}
	case apptest.PacketAnswer:
		l.ID = p.ID
	case apptest.PacketCancel:
		l.Cancel = p.ID
	case apptest.PacketPing:
		l.Ctl = "ping"
	case apptest.PacketPong:
		l.Ctl = "pong"
	case apptest.PacketClose:
		l = line{Ctl: "close", Code: p.Close.Code, Text: p.Close.Reason}
	case apptest.PacketRaw:
		_, err := w.nc.Write([]byte(p.Text + "\n"))
		return err
	default:
		return errors.ErrUnsupported
	}
	b, err := l.encode()
	if err == nil {
		_, err = w.nc.Write(b)
	}
	return err
}

func (w *wire) Receive() (apptest.Packet, error) {
	b, err := w.r.ReadBytes('\n')
	if err != nil {
		return apptest.Packet{}, err
	}
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return apptest.Packet{}, err
	}
	p := apptest.Packet{Kind: apptest.PacketEvent, Event: l.Event, Data: l.Data, ID: l.ID, Reply: l.ID != 0, InReplyTo: l.Re, Text: string(b)}
	switch {
	case l.Ctl == "ping":
		p.Kind = apptest.PacketPing
	case l.Ctl == "pong":
		p.Kind = apptest.PacketPong
	case l.Ctl == "close":
		p.Kind, p.Close = apptest.PacketClose, apptest.Close{Code: l.Code, Reason: l.Text}
	case l.ID != 0 && (l.Event == "" || l.Event == "exception"):
		p.Kind = apptest.PacketAnswer
	}
	return p, nil
}

// end
