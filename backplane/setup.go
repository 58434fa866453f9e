package backplane

// SetupError is an error of Start that waiting does not mend: a wrong option, or an engine that another
// application has. The application does not start, also without [Required].
type SetupError struct{ Err error }

// Error implements error.
func (e *SetupError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *SetupError) Unwrap() error { return e.Err }
