package app

import (
	"sync"
	"sync/atomic"
)

// Control is for providers that need the application they belong to. Any constructor may
// inject a *Control. Its methods are safe for concurrent use, and wait for nothing.
//
//	func NewJob(c *app.Control) *Job { return &Job{c} }
type Control struct {
	app atomic.Pointer[App]

	mu    sync.Mutex
	ready []func(*App) error
}

// OnReady sets a function that is called once the application accepts clients, before those of [OnReady]. Its error, or a panic
// in it, makes Start fail, and stops the application. Call it in a constructor, or in a hook of the start: later it has no effect.
func (c *Control) OnReady(f func(*App) error) {
	if c == nil || f == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ready = append(c.ready, f)
}

func (c *Control) takeReady() []func(*App) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fs := c.ready
	c.ready = nil
	return fs
}

// Health returns the state of the application, as [App.Health].
func (c *Control) Health() Health {
	if c == nil {
		return Health{}
	}
	if a := c.app.Load(); a != nil {
		return a.Health()
	}
	return Health{}
}

// Shutdown ends [App.Run], and thus [Main], which stops the application. Run returns err,
// joined with errors of the stop; an [ExitError] sets the exit code of the process. During
// the start it takes effect when that has finished. The first call counts.
//
// The error of Shutdown is not nil if the application was not started with Run.
func (c *Control) Shutdown(err error) error {
	if c == nil {
		return errNotRun
	}
	if a := c.app.Load(); a != nil {
		return a.shutdown.request(err)
	}
	return errNotRun
}
