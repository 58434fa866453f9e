//go:build !unix

package wsconn

import "net"

func newDirectRead(net.Conn) directRead { return nil }

func newWriteNow(net.Conn) nowWriter { return nil }
