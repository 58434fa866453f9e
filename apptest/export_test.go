package apptest

import (
	"testing"
	"time"
)

// ForTest makes the client fail another test, and give up earlier.
func (c *Client) ForTest(t testing.TB, timeout time.Duration) *Client {
	c.t, c.opts.timeout = t, timeout
	return c
}
