//go:build !linux

package sockio

import (
	"net"
	"time"
)

const kernelReports = false

func peerState(uintptr) (s PeerState, ok bool) { return s, false }

// SetUserTimeout does nothing on this system.
func SetUserTimeout(net.Conn, time.Duration) {}
