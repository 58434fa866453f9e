package app

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/identity"
)

// closeConstructed closes what constructors have opened, in reverse order, after a start that
// has failed: values that are io.Closers, unless their OnApplicationShutdown has been called.
func (a *App) closeConstructed(ctx context.Context) {
	var done identity.Distinct[struct{}]
	for _, inst := range a.instances[:a.inited] {
		if !isNil(inst.Value) && shutdown.of(inst.Value) != nil {
			done.Add(inst.Value, struct{}{})
		}
	}
	w := await.New(ctx)
	for _, inst := range slices.Backward(slices.Collect(a.graph.Constructed())) {
		c, ok := inst.Value.(io.Closer)
		if !ok || isNil(inst.Value) {
			continue
		}
		if _, closed := done.Add(inst.Value, struct{}{}); closed {
			continue
		}
		err := w.Call(func(context.Context) error { return c.Close() })
		log := a.log.With("module", inst.Module.Name(), "provider", inst.Name, "place", inst.Place)
		if err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, net.ErrClosed) {
			log.Warn("Close after a failed start", "error", err)
			continue
		}
		log.Debug("closed after a failed start")
	}
}
