//go:build !linux

package wsconn

import (
	"net"
	"time"
)

func peerState(net.Conn) (p peer, ok bool) { return peer{}, false }

func setUserTimeout(net.Conn, time.Duration) {}
