package apptest

import (
	"testing"
	"time"
)

// ForTest sets the test that the client fails, and its timeout.
func (c *Client) ForTest(t testing.TB, timeout time.Duration) *Client {
	c.t, c.opts.timeout = t, timeout
	return c
}
