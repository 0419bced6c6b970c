package main

import (
	"context"
	"io"
	"net"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/linger"
)

// maxRecord is how much a record of TLS carries, in bytes, and what one Read
// returns at most.
const maxRecord = 16 << 10

// handle is the task of one connection.
func (s *server) handle(ctx context.Context, conn net.Conn) error {
	c := conn.(*coro.Conn) // Serve's are
	secure, err := s.handshake(ctx, c)
	if err != nil {
		return err
	}
	err = echo(secure)
	// close_notify ends our direction, whatever ended the other: the client's own
	// close_notify, a limit, or the server's end. It is how a client knows that
	// nobody has cut the stream short.
	linger.End(ctx, c, func() { _ = secure.CloseWrite() })
	return err
}

// echo is over when the client has closed its direction, and has got all its
// bytes back. One that does not read stops it in Write, with one record in hand.
func echo(c net.Conn) error {
	buf := make([]byte, maxRecord)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			if _, err := c.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
