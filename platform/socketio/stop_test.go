package socketio_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// late is a gateway whose application stops slowly.
type late struct{ stopping, goOn chan struct{} }

func (*late) HandleConnection(context.Context, websockets.Client) error { return nil }

func (l *late) OnModuleDestroy(context.Context) error {
	close(l.stopping)
	<-l.goOn
	return nil
}

// A client that connects while the application stops loses its connection: after a refusal
// it would not reconnect.
func TestComingDuringTheStop(t *testing.T) {
	l := &late{make(chan struct{}), make(chan struct{})}
	root := module.New("root", module.Providers(websockets.Gateway(func() *late { return l })))
	a := apptest.New(t, root, apptest.With(app.WebSockets(socketio.New())))
	stopped := make(chan error, 1)
	go func() { stopped <- a.App().Stop(context.Background()) }()
	<-l.stopping
	_, err := apptest.TryDialSocketIO(t, a.URL())
	close(l.goOn)
	if err == nil {
		t.Error("the client was accepted")
	} else if refusal, ok := errors.AsType[*apptest.DialError](err); ok && refusal.Status == 0 {
		t.Errorf("the client was refused: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
