// Package abandon marks the context of a stop that does not wait for clients that poll.
package abandon

import "context"

type key struct{}

// WithPolling returns the context of a stop that ends clients without a pending poll at once. A stop waits
// Limits.CloseTimeout for their next poll otherwise, which at the end of a test does not come.
func WithPolling(ctx context.Context) context.Context { return context.WithValue(ctx, key{}, true) }

// Polling reports whether ctx is one of WithPolling.
func Polling(ctx context.Context) bool { return ctx.Value(key{}) != nil }
