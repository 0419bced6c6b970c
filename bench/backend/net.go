package backend

import (
	"context"
	"net"
)

// serveNet is how one writes a server in Go: a goroutine per connection,
// parked in Read by the runtime's own poller.
func serveNet(ctx context.Context, c Config) error {
	lc := net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	defer ln.Close()
	c.Ready(ln.Addr().String())
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go echoConn(conn)
	}
}

// echoConn is written out, because io.Copy would splice a TCP connection to
// itself through a pipe: six system calls per message.
func echoConn(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, connBuffer)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return
		}
	}
}
