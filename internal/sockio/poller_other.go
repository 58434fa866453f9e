//go:build !linux

package sockio

import (
	"errors"
	"net"
)

// CanPoll reports whether there is a [Poller] on this system.
const CanPoll = false

// Poller does not exist on this system.
type Poller struct{}

// NewPoller returns an error.
func NewPoller() (*Poller, error) { return nil, errors.ErrUnsupported }

// Watch returns an error.
func (*Poller) Watch(net.Conn, Sleeper) (Place, error) { return Place{}, errors.ErrUnsupported }

// Leave does nothing.
func (*Poller) Leave(Place) {}

// Run returns at once.
func (*Poller) Run() {}

// Close does nothing.
func (*Poller) Close() {}
