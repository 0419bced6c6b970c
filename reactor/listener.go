package reactor

import (
	"net"
	"sync/atomic"

	"github.com/weft-go/weft/poller"
)

// ListenOptions configure a listener. The zero value works.
type ListenOptions struct {
	poller.ListenOptions
	// Conn are the marks of the connections it accepts. The socket options in
	// it are not used: those of the listener are, which its connections
	// inherit.
	Conn ConnOptions
	// MaxConns is the most connections of this listener that are open at a
	// time; 0 is no limit but that of descriptors.
	MaxConns int
	// OverLimit is what happens at MaxConns: PauseAccept by default.
	OverLimit LimitPolicy
}

// LimitPolicy is what a listener does at its limit of connections.
type LimitPolicy uint8

const (
	// PauseAccept leaves further connections in the kernel's queue until one
	// of the open ones has closed: the peer waits.
	PauseAccept LimitPolicy = iota
	// AcceptAndClose accepts and resets them: the peer knows at once.
	AcceptAndClose
)

func (p LimitPolicy) String() string {
	if p == AcceptAndClose {
		return "accept and close"
	}
	return "pause accepting"
}

// Listener accepts connections on its loop. Its methods belong to the loop's
// goroutine.
//
//	waiting --event--> accepting --would block--> waiting
//	                     |    ^
//	 no descriptors, or  |    |  timer, or a connection closed
//	 at the limit        v    |
//	                     paused
type Listener struct {
	loop    *Loop
	src     Source
	addr    poller.Addr
	opts    ListenOptions
	conn    *ConnOptions
	handler func(*Conn) Handler
	state   listenerState
	conns   atomic.Int64 // counted down on the connections' loops
	backoff Backoff
	retry   *Timer
	path    PathGuard
	// pick chooses the loop of a new connection; nil is this one. A group sets
	// it.
	pick func() *Loop
	// shared: other processes have the same socket open.
	shared bool
	// ended is an Intake's; nil otherwise.
	ended func()
}

type listenerState uint8

const (
	listenerWaiting   listenerState = iota // for an event
	listenerAccepting                      // in the batch, or about to be
	listenerPaused                         // for a descriptor, or for room under the limit
	listenerClosed
)

func (s listenerState) String() string {
	return [...]string{"waiting", "accepting", "paused", "closed"}[s]
}

// Listen opens a listener on the loop. The network is "tcp", "tcp4", "tcp6" or
// "unix"; the host is an IP address or empty; port 0 lets the kernel choose,
// see Addr. A Unix path that a dead server left is taken over; anything else in
// its place is poller.ErrPathInUse. Handler is called for every connection,
// before its OnOpen, and gives the connection's handler; connections without
// state of their own can share one.
//
// Errors: *net.OpError (errors.Is finds syscall.EADDRINUSE and the like).
func (l *Loop) Listen(network, address string, o ListenOptions, handler func(*Conn) Handler) (*Listener, error) {
	fail := func(err error) (*Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	addr, err := poller.ParseAddr(network, address)
	if err != nil {
		return fail(err)
	}
	fd, err := l.os.Listen(addr, o.ListenOptions)
	if err != nil {
		return fail(err)
	}
	ln := &Listener{opts: o, handler: handler}
	if ln.addr, err = l.os.LocalAddr(fd); err == nil {
		ln.path = GuardPath(l.os, ln.addr)
		err = l.listen(ln, fd)
	}
	if err != nil {
		ln.path.Remove()
		_ = l.os.CloseFD(fd)
		return fail(err)
	}
	return ln, nil
}

// listen puts ln on the loop, with fd as its descriptor.
func (l *Loop) listen(ln *Listener, fd poller.FD) error {
	ln.loop, ln.conn = l, ln.opts.Conn.withDefaults()
	if err := l.Register(&ln.src, fd); err != nil {
		return err
	}
	ln.retry = l.NewTimer(ln.resume)
	l.listeners[ln] = struct{}{}
	ln.await()
	return nil
}

// Addr is the address the listener is bound to: a *net.TCPAddr or
// *net.UnixAddr.
func (ln *Listener) Addr() net.Addr { return ln.addr.NetAddr() }

// Loop is the loop the listener is on.
func (ln *Listener) Loop() *Loop { return ln.loop }

// Conns is the number of the listener's open connections. Any goroutine may
// call it.
func (ln *Listener) Conns() int { return int(ln.conns.Load()) }

// Close stops accepting. Connections that were accepted go on. A Unix socket's
// path is removed, if it is still this listener's. Errors: net.ErrClosed.
func (ln *Listener) Close() error {
	if ln.state == listenerClosed {
		return net.ErrClosed
	}
	ln.state = listenerClosed
	ln.retry.Stop()
	delete(ln.loop.listeners, ln)
	ln.path.Remove()
	if ln.shared {
		return ln.closeShared()
	}
	return ln.src.Close()
}

// Ready is the poller's event: the listener is its source's waiter.
func (ln *listenerWaiter) Ready(err error) {
	if err == nil {
		(*Listener)(ln).accept()
	}
}

// Run goes on behind a spent budget.
func (ln *listenerCarry) Run() { (*Listener)(ln).accept() }

type (
	listenerWaiter Listener
	listenerCarry  Listener
)

func (ln *Listener) await() {
	ln.state = listenerWaiting
	_ = ln.src.Await(In, (*listenerWaiter)(ln)) // no other waiter, no deadline: no error
}

// resume goes on after a pause.
func (ln *Listener) resume() {
	if ln.state == listenerPaused {
		ln.retry.Stop()
		ln.state = listenerAccepting
		ln.loop.carry((*listenerCarry)(ln))
	}
}

// accept takes connections until none is left, or the turn's budget is spent.
func (ln *Listener) accept() {
	if ln.state == listenerClosed {
		return
	}
	ln.state = listenerAccepting
	defer func() {
		if ln.state == listenerAccepting { // the budget is spent, or a handler panicked
			ln.loop.carry((*listenerCarry)(ln))
		}
	}()
	l := ln.loop
	for range l.limits.AcceptsPerTurn {
		atLimit := ln.opts.MaxConns > 0 && ln.Conns() >= ln.opts.MaxConns
		if atLimit && ln.opts.OverLimit == PauseAccept {
			ln.state = listenerPaused // connClosed resumes
			return
		}
		fd, peer, err := l.os.Accept(ln.src.fd)
		switch {
		case err == poller.ErrWouldBlock:
			ln.src.ready[In] = false
			ln.backoff.Reset()
			ln.await()
			return
		case err != nil:
			ln.pause(err)
			return
		case atLimit:
			l.stats.Refused++
			_ = l.os.Abort(fd)
		default:
			l.stats.Accepted++
			ln.handOut(fd, peer)
		}
		if ln.state == listenerClosed { // by a handler
			return
		}
	}
	l.stats.Spent.Accepts++
}

// handOut gives an accepted connection to its loop.
func (ln *Listener) handOut(fd poller.FD, peer poller.Addr) {
	ln.conns.Add(1)
	to := ln.loop
	if ln.pick != nil {
		to = ln.pick()
	}
	to.load.Add(1)
	if to == ln.loop {
		to.adopt(ln, fd, peer)
	} else if err := to.Post(func() { to.adopt(ln, fd, peer) }); err != nil {
		_ = ln.loop.os.Abort(fd)
		ln.connClosed(to)
	}
}

// pause waits for better times. The queue's edge has been seen, so no event
// will come: a timer tries again. The server lives on, serving who is there.
func (ln *Listener) pause(err error) {
	l := ln.loop
	wait := ln.backoff.Next()
	l.stats.OverLimit++
	if ln.backoff.First() {
		l.log.Warn("reactor: cannot accept, will try again", "addr", ln.addr.String(), "error", err)
	}
	ln.state = listenerPaused
	ln.retry.Reset(wait)
}

// connClosed is called by each of the listener's connections at its end, on
// that connection's loop.
func (ln *Listener) connClosed(on *Loop) {
	on.load.Add(-1)
	ln.conns.Add(-1)
	if ln.ended != nil {
		ln.ended()
	}
	if on == ln.loop {
		ln.resume()
	} else if ln.opts.MaxConns > 0 {
		_ = ln.loop.postAlways(ln.resume) // a closed loop accepts no more
	}
}

// adopt makes a connection of an accepted descriptor, on this loop.
func (l *Loop) adopt(ln *Listener, fd poller.FD, peer poller.Addr) {
	l.adoptWith(ln, fd, peer, ln.handler, nil)
}

// adoptWith is adopt with a handler function of the connection's own, and with
// bytes that were received before.
func (l *Loop) adoptWith(ln *Listener, fd poller.FD, peer poller.Addr, handler func(*Conn) Handler, received []byte) {
	c, err := l.newConn(fd, peer, ln.conn, connOpen)
	if err != nil { // handed over too late, or no memory in the kernel
		l.log.Warn("reactor: accepted connection dropped", "peer", peer.String(), "error", err)
		ln.connClosed(l)
		return
	}
	c.listener = ln
	c.handler = NopHandler{} // for OnClose, should the function panic
	c.enter()
	c.handler = handler(c)
	c.leave()
	c.unconsumed = received
	c.open()
}
