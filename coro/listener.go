package coro

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Listener accepts connections, as a net.Listener whose connections are *Conn.
type Listener struct {
	src     reactor.Source
	loop    *loop
	addr    poller.Addr
	path    reactor.PathGuard
	turn    gate
	backoff reactor.Backoff
	pausing *task // in Accept, for want of descriptors; Close wakes it
	closed  bool
	shared  bool        // the socket may be open elsewhere too: by File, by ListenFD
	closing atomic.Bool // Close was called, perhaps from elsewhere and not yet arrived
}

// Listen opens a listener on the task's loop. The network is "tcp", "tcp4",
// "tcp6" or "unix"; the host is an IP address or empty; port 0 lets the kernel
// choose. A Unix path that a dead server left is taken over; anything else in
// its place is poller.ErrPathInUse. It does not suspend. Errors: *net.OpError,
// ErrNotTask, ErrNoLoop.
func Listen(ctx context.Context, network, address string) (*Listener, error) {
	return ListenConfig{}.Listen(ctx, network, address)
}

// ListenConfig configures a listener. The zero value works.
type ListenConfig struct {
	// Options are those of the listening socket and, by inheritance, of its
	// connections. With ReusePort, the loops of several goroutines can share
	// a TCP port.
	Options poller.ListenOptions
}

// Listen is the function Listen with a configuration.
func (c ListenConfig) Listen(ctx context.Context, network, address string) (*Listener, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	at, err := poller.ParseAddr(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err} // it names the address
	}
	ln, err := t.loop().listen(at, c.Options)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: at.NetAddr(), Err: err}
	}
	return ln, nil
}

func (l *loop) listen(at poller.Addr, o poller.ListenOptions) (*Listener, error) {
	system := l.reactor.OS()
	fd, err := system.Listen(at, o)
	if err != nil {
		return nil, err
	}
	ln := &Listener{}
	if ln.addr, err = system.LocalAddr(fd); err == nil {
		ln.path = reactor.GuardPath(system, ln.addr)
		err = l.register(ln, fd)
	}
	if err != nil {
		ln.path.Remove()
		_ = system.CloseFD(fd)
		return nil, err
	}
	return ln, nil
}

func (l *loop) register(ln *Listener, fd poller.FD) error {
	ln.loop, ln.turn = l, gate{limit: 1}
	if err := l.reactor.Register(&ln.src, fd); err != nil {
		return err
	}
	l.listeners[ln] = struct{}{}
	return nil
}

// ListenFD makes a listener of a listening stream socket that somebody else has
// opened, and that other processes may have open too: reactor/prefork's workers have
// such ones. It must be non-blocking, and is the listener's from here on, except
// after an error. Closing removes no path. It does not suspend. Errors: *net.OpError,
// ErrNotTask, ErrNoLoop.
func ListenFD(ctx context.Context, fd poller.FD) (*Listener, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	ln := &Listener{shared: true}
	if ln.addr, err = t.loop().reactor.OS().LocalAddr(fd); err == nil {
		err = t.loop().register(ln, fd)
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: ln.addr.Network(), Err: err}
	}
	return ln, nil
}

// Accept suspends the task until there is a connection, a *Conn. Want of
// descriptors does not end it: it waits and tries again, as it does when the
// kernel has no room to register a connection, which is dropped then. From a
// goroutine that is no task it works as Conn's methods do. Tasks that accept at
// the same time are served in the order in which they came. Errors:
// *net.OpError: errors.Is finds net.ErrClosed, os.ErrDeadlineExceeded, or the cause
// of a cancelled scope.
func (ln *Listener) Accept() (net.Conn, error) {
	c, err := ln.AcceptConn()
	if err != nil {
		return nil, err // not a nil *Conn in an interface
	}
	return c, nil
}

// AcceptConn is Accept with the concrete type.
func (ln *Listener) AcceptConn() (*Conn, error) {
	t := ln.loop.currentTask()
	if t == nil {
		return ln.acceptFromOutside()
	}
	c, err := ln.accept(t)
	return c, ln.opError("accept", err)
}

// acceptFromOutside is AcceptConn for a goroutine that is no task of the loop.
func (ln *Listener) acceptFromOutside() (c *Conn, err error) {
	err = ln.loop.asTask(func(t *task) error {
		var err error
		c, err = ln.accept(t)
		return err
	})
	return c, ln.opError("accept", err)
}

func (ln *Listener) accept(t *task) (*Conn, error) {
	if err := t.checkpoint(); err != nil {
		return nil, err
	}
	for {
		fd, peer, err := ln.acceptFD(t)
		if err != nil {
			return nil, err
		}
		c, err := ln.loop.newConn(fd, peer)
		if err == nil {
			return c, nil
		}
		ln.loop.dropped(peer, err)
	}
}

// dropped says that an accepted connection could not be put on a loop.
func (l *loop) dropped(peer poller.Addr, err error) {
	l.log.Warn("coro: accepted connection dropped", "peer", peer.String(), "error", err)
}

// acceptFD is accept without a loop for the connection yet.
func (ln *Listener) acceptFD(t *task) (poller.FD, poller.Addr, error) {
	if err := ln.turn.enter(t); err != nil {
		return poller.NoFD, poller.Addr{}, err
	}
	fd, peer, err := ln.acceptNext(t)
	ln.turn.leave()
	return fd, peer, err
}

func (ln *Listener) acceptNext(t *task) (poller.FD, poller.Addr, error) {
	for {
		if ln.closed {
			return poller.NoFD, poller.Addr{}, net.ErrClosed
		}
		if ln.src.Expired(reactor.In) {
			return poller.NoFD, poller.Addr{}, os.ErrDeadlineExceeded
		}
		fd, peer, err := ln.loop.reactor.OS().Accept(ln.src.FD())
		switch {
		case err == nil:
			ln.backoff.Reset()
			return fd, peer, nil
		case err == poller.ErrWouldBlock:
			ln.backoff.Reset()
			ln.src.ClearReady(reactor.In)
			err = t.await(&ln.src, reactor.In)
		case errors.Is(err, poller.ErrTooManyFiles):
			wait := ln.backoff.Next()
			if ln.backoff.First() {
				ln.loop.log.Warn("coro: cannot accept, will try again", "addr", ln.addr.String(), "error", err)
			}
			ln.pausing = t
			err = t.sleep(t.scope, wait)
			ln.pausing = nil
		}
		if err != nil {
			return poller.NoFD, poller.Addr{}, err
		}
	}
}

// Close stops accepting; a task in Accept gets net.ErrClosed. Accepted
// connections go on. A Unix socket's path is removed, if it is still this
// listener's. From a goroutine that is no task it does not wait for the loop; see
// Conn.Close.
func (ln *Listener) Close() error {
	if ln.loop.onLoop() {
		return ln.opError("close", ln.close())
	}
	if ln.closing.Swap(true) {
		return ln.opError("close", net.ErrClosed)
	}
	return ln.opError("close", ln.loop.send(func() { _ = ln.close() }))
}

func (ln *Listener) close() error {
	if ln.closed {
		return net.ErrClosed
	}
	ln.closed = true
	ln.closing.Store(true)
	delete(ln.loop.listeners, ln)
	ln.path.Remove()
	if ln.pausing != nil {
		ln.pausing.wake(net.ErrClosed)
	}
	if !ln.shared {
		return ln.src.Close()
	}
	fd, err := ln.src.Deregister()
	return errors.Join(err, ln.loop.reactor.OS().CloseFD(fd))
}

// SetDeadline sets the moment after which Accept fails with
// os.ErrDeadlineExceeded, until another one is set; the zero time is none. While
// Accept pauses for want of descriptors it may be a pause late.
func (ln *Listener) SetDeadline(t time.Time) error {
	return ln.opError("set", ln.loop.do(func() error {
		if ln.closed {
			return net.ErrClosed
		}
		ln.src.SetDeadline(reactor.In, ln.loop.reactor.At(t))
		return nil
	}))
}

// Addr is the address the listener is bound to: a *net.TCPAddr or *net.UnixAddr.
func (ln *Listener) Addr() net.Addr { return ln.addr.NetAddr() }

func (ln *Listener) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, reactor.ErrLoopClosed) {
		err = net.ErrClosed
	}
	return &net.OpError{Op: op, Net: ln.addr.Network(), Addr: ln.Addr(), Err: err}
}
