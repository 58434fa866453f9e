//go:build race

package churn_test

// The race detector makes everything some ten times slower.
const (
	defaultClients = 1000
	slower         = 5

	waiting = 300 // clients that wait for the server to end them
)
