//go:build race

package churn_test

// The race detector is about ten times slower.
const (
	defaultClients = 1000
	slower         = 5

	waiting = 300 // clients that wait for a close by the server
)
