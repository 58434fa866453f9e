package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gatehouse-go/gatehouse/module"
)

// Main runs an application until SIGINT, SIGTERM or fx.Shutdowner, then exits the process:
// with status 0 after a clean stop, otherwise with status 1, or that of an [ExitError], and
// the error on standard error. A second signal terminates the process at once.
func Main(root *module.Module, opts ...Option) {
	os.Exit(run(root, opts)) //nolint:forbidigo // this is the main function of its callers
}

func run(root *module.Module, opts []Option) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		select {
		case <-signals:
			// Before the stop: restores the default action, so that a second signal kills.
			signal.Stop(signals)
			cancel()
		case <-ctx.Done():
		}
	}()
	a, err := New(root, opts...)
	if err == nil {
		err = a.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		if e, ok := errors.AsType[*ExitError](err); ok && e.Code != 0 {
			return e.Code
		}
		return 1
	}
	return 0
}

// Run starts the application, waits until ctx is done, a listener fails, a provider calls
// [Control.Shutdown] or fx.Shutdowner, or the application calls Stop, and stops it. It returns nil unless start,
// stop or a listener fails, [Control.Shutdown] was called with an error, or fx.Shutdowner with
// an fx.ExitCode other than 0, which is an [*ExitError]; the error of a Stop that the application calls is returned to
// its caller only.
func (a *App) Run(ctx context.Context) error {
	a.shutdown.running.Store(true)
	defer a.shutdown.running.Store(false)
	startCtx, cancel := context.WithTimeout(ctx, a.cfg.startTimeout)
	err := a.Start(startCtx)
	cancel()
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) && !errors.Is(err, ErrStuck) {
			return nil // stopped while starting
		}
		return err
	}
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-a.failed:
	case failure = <-a.shutdown.requested:
	case <-a.stopped:
		return nil
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.stopTimeout+a.cfg.drainDelay)
	defer cancel()
	return errors.Join(failure, a.Stop(stopCtx))
}
