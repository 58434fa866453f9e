//go:build !unix

package sockio

import "net"

// NewReader returns nil: this system has no Reader.
func NewReader(net.Conn) Reader { return nil }

// NewWriter returns nil: this system has no Writer.
func NewWriter(net.Conn) Writer { return nil }
