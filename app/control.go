package app

import "sync/atomic"

// Control is for providers that need the application they belong to. Any constructor may
// inject a *Control. Its methods are safe for concurrent use, and wait for nothing.
//
//	func NewJob(c *app.Control) *Job { return &Job{c} }
type Control struct{ app atomic.Pointer[App] }

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
