//go:build !race

package churn_test

const (
	defaultClients = 10_000
	slower         = 1

	waiting = 800 // clients that wait for a close by the server
)
