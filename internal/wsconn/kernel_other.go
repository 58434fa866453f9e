//go:build !linux

package wsconn

import (
	"net"
	"time"
)

const kernelReports = false

func askKernel(uintptr) (s peerState, ok bool) { return s, false }

func setUserTimeout(net.Conn, time.Duration) {}
