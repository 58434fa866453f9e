//go:build !unix

package wsconn

import "net"

func newDirectRead(net.Conn) directRead { return nil }
