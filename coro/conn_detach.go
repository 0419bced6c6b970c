package coro

import (
	"errors"
	"net"
	"os"

	"github.com/weft-go/weft/poller"
)

// Detach hands the socket over to the goroutine world: what it returns is a
// *net.TCPConn or *net.UnixConn of the same socket, with its options, without
// deadlines, and with every byte that was not read here. The Conn is closed, and
// tasks that wait for it get net.ErrClosed: a Write says how much it wrote. On an
// error nothing has changed. It never suspends. Errors: *net.OpError: errors.Is
// finds net.ErrClosed, syscall.EMFILE, and errors.ErrUnsupported on a system whose
// descriptors are not the process's.
//
// A task must not use the result: it blocks the loop. Under Serve, where the
// connection is closed when its handler returns, a detached one goes on.
func (c *Conn) Detach() (net.Conn, error) {
	var detached net.Conn
	err := c.loop.do(func() (err error) {
		detached, err = c.detach()
		return err
	})
	if err != nil {
		return nil, c.opError("detach", err)
	}
	return detached, nil
}

// detach makes the new connection before it ends the old one, so that a failure
// costs nothing.
//
// Order: the registration is ended before the descriptor is closed, since the
// duplicate would keep it alive; see poller.Sockets.CloseFD.
func (c *Conn) detach() (net.Conn, error) {
	file, err := c.duplicate()
	if err != nil {
		return nil, err
	}
	options := c.options()
	detached, err := net.FileConn(file) // it makes one more duplicate
	_ = file.Close()
	if err != nil {
		return nil, err
	}
	c.restore(options)
	c.more().shared, c.extra.lingers = true, false
	return detached, c.close()
}

func duplicate(system poller.OS, fd poller.FD) (*os.File, error) {
	duplicator, ok := system.(poller.Duplicator)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return duplicator.Duplicate(fd)
}

// detachedOptions are those that net.FileConn changes. The times of keep-alive
// come before the switch, which KeepAliveIdle turns on.
var detachedOptions = [...]poller.Option{
	poller.NoDelay, poller.KeepAliveIdle, poller.KeepAliveInterval, poller.KeepAliveCount, poller.KeepAlive,
}

// options reads them; -1 is one that this system or socket does not have.
func (c *Conn) options() (values [len(detachedOptions)]int) {
	for i, o := range detachedOptions {
		value, err := c.loop.reactor.OS().Option(c.src.FD(), o)
		if values[i] = value; err != nil || !c.peer.IsValid() {
			values[i] = -1
		}
	}
	return values
}

func (c *Conn) restore(values [len(detachedOptions)]int) {
	for i, o := range detachedOptions {
		if values[i] >= 0 {
			_ = c.loop.reactor.OS().SetOption(c.src.FD(), o, values[i])
		}
	}
}

// File gives the socket a second descriptor, as net.TCPConn's File does: for
// another process, say. The connection goes on; the two share one open file, and so
// one stream and one blocking mode, which is to be left alone. Errors: those of
// Detach.
func (c *Conn) File() (*os.File, error) {
	var file *os.File
	err := c.loop.do(func() (err error) {
		if file, err = c.duplicate(); err == nil {
			c.more().shared = true
		}
		return err
	})
	return file, c.opError("file", err)
}

// File gives the listening socket a second descriptor: for a process that is to
// take over. Errors: those of Conn.File.
func (ln *Listener) File() (*os.File, error) {
	var file *os.File
	err := ln.loop.do(func() (err error) {
		if ln.closed {
			return net.ErrClosed
		}
		if file, err = duplicate(ln.loop.reactor.OS(), ln.src.FD()); err == nil {
			ln.shared = true
		}
		return err
	})
	return file, ln.opError("file", err)
}
