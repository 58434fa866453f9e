package apptest

import (
	"testing"
	"time"
)

// ForTest sets the test that the client fails, and its timeout.
func (c *Client) ForTest(t testing.TB, timeout time.Duration) *Client {
	c.t, c.opts.Timeout = t, timeout
	return c
}

// ForTest sets the test that the cluster fails.
func (c *Cluster) ForTest(t testing.TB) *Cluster {
	c.t = t
	return c
}
