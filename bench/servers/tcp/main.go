// Command tcp sends back every byte that it reads: what the kernel and the
// runtime cost without any protocol.
package main

import (
	"net"

	"github.com/gatehouse-go/gatehouse/bench/internal/serve"
)

func main() { serve.Main(run) }

func run() error {
	ln, err := serve.Listen()
	if err != nil {
		return err
	}
	if err := serve.Announce(ln.Addr()); err != nil {
		return err
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go echo(c)
	}
}

func echo(c net.Conn) {
	defer func() { _ = c.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}
