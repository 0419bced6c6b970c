package coro

import (
	"context"
	"errors"
	"net"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Serve accepts connections from ln and runs handler as a task for each, until
// ln is closed or the scope is cancelled. The connection is closed when its
// handler returns. An error that handler returns, a panic and a Goexit end that
// connection only, and are logged: io.EOF and errors of the network at level
// Debug, others at Warn, panics and Goexit at Error.
//
// Closing ln is the graceful end: Serve waits for the handlers that run, and
// returns nil. Cancelling is the quick one: their next operation fails, and
// Serve returns the cause once they have ended. It leaves ln open then. ln is a
// *Listener of the task's own loop; anything else is ErrForeignListener.
func Serve(ctx context.Context, ln net.Listener, handler func(ctx context.Context, c net.Conn) error) error {
	return ServeConfig{}.Serve(ctx, ln, handler)
}

// ServeConfig has the limits of serving. The zero value has none.
type ServeConfig struct {
	// MaxConns is how many connections may be open at a time; 0 is no limit
	// but that of descriptors. OverLimit is what happens then:
	// reactor.PauseAccept by default.
	MaxConns  int
	OverLimit reactor.LimitPolicy

	// IdleTimeout is how long a connection may go without a request, counted
	// from the last answer; 0 is for ever. RequestTimeout is how long a request
	// may take, from its first byte until it is answered; 0 is for ever. When
	// the time is over, the handler is cancelled with a *TimeoutError, and an
	// idle connection of ServeReadable is closed.
	//
	// Under ServeReadable a request is a call of the handler. Under Serve it
	// ends when the handler reads again and has written something meanwhile,
	// whoever wrote it; what a client sends without waiting for the answer is
	// one request with it. In a handler that reads in one task and writes in
	// another every Write is an answer.
	IdleTimeout    time.Duration
	RequestTimeout time.Duration

	// DrainTimeout is how long requests may go on when the scope is cancelled;
	// 0 cancels them with it. Idle connections are closed at once, the others
	// when their request is answered, or else when the time is over. Where one
	// task reads and another writes, nobody knows when that is: such a handler
	// ends by itself, or when the time is over.
	DrainTimeout time.Duration
}

// Serve is the function Serve with limits. Each costs memory for every
// connection: up to 350 bytes together.
func (c ServeConfig) Serve(ctx context.Context, ln net.Listener, handler func(ctx context.Context, c net.Conn) error) error {
	return c.serve(ctx, ln, &server{handler: handler})
}

// serve runs s for a listener.
func (c ServeConfig) serve(ctx context.Context, ln net.Listener, s *server) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	own, ok := ln.(*Listener)
	if !ok || own.loop != t.loop() {
		return ErrForeignListener
	}
	s.config = c
	if c.MaxConns > 0 {
		s.conns = &connCount{limit: int64(c.MaxConns), policy: c.OverLimit, acceptor: s}
	}
	return s.run(ctx, func(t *task) error { return s.accept(t, own) })
}

// server is what one loop does for a Serve or ServeReadable.
type server struct {
	config  ServeConfig
	handler func(ctx context.Context, c net.Conn) error
	site    uintptr // handler's, as a return address
	loop    *loop
	// scope is that of the task that accepts, and its group is the handlers'.
	// handlers is where these run: the same scope, or with a DrainTimeout a
	// shielded one inside.
	scope    *Scope
	handlers *cancelScope
	draining bool

	conns   *connCount   // nil without a limit
	fleet   *fleet       // whose first loop hands out connections; nil without
	load    atomic.Int64 // connections from the fleet, those on their way included; it reads this
	counted bool         // its connections know it, and tell it of their end
	open    int          // of those
	waiting waitQueue    // the accepting task: for room, or for the last one's end

	// What ServeReadable has besides.
	readable  bool
	idle      idleList
	idleTimer reactor.Timer
	peeked    [1]byte // where Peek may write
}

// run calls accepting in a scope for the handlers, and waits for them.
func (s *server) run(ctx context.Context, accepting func(t *task) error) error {
	s.site = reflect.ValueOf(s.handler).Pointer() + 1 // inside the function
	s.counted = s.readable || s.conns != nil || s.fleet != nil || s.config.DrainTimeout > 0
	drained := func() {}
	defer func() { drained() }()
	return WithScope(ctx, func(scope *Scope) error {
		s.scope, s.loop, s.handlers = scope, scope.scope.loop, &scope.scope
		if s.config.DrainTimeout > 0 {
			s.handlers = &cancelScope{group: scope, shielded: true}
			s.handlers.open(s.loop, &scope.scope, &scope.scope)
			drained = s.handlers.close
		}
		s.idleTimer.Init(s.loop.reactor, (*idleTimer)(s))
		defer s.idleTimer.Stop()
		if s.readable {
			s.loop.readables[scope] = s
			defer delete(s.loop.readables, scope)
		}
		t := s.loop.current
		err := accepting(t)
		// The scope would wait for tasks. But idle connections may have none, and
		// those that drain are not cancelled with it.
		for err == nil && s.open > 0 {
			err = s.waiting.wait(t.scope, t)
		}
		if err != nil {
			s.drain()
		}
		return err
	})
}

// accept accepts until the listener is closed or the scope is cancelled.
func (s *server) accept(t *task, ln *Listener) error {
	for {
		if err := s.conns.room(t); err != nil {
			return err
		}
		err := t.checkpoint()
		if err == nil {
			err = s.acceptOne(t, ln)
		}
		switch {
		case err == nil:
		case s.scope.scope.cause != nil:
			return s.scope.scope.cause
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			return ln.opError("accept", err)
		}
	}
}

// waitForEnd is accept for a server that gets its connections from another one.
func (s *server) waitForEnd(t *task) error {
	for {
		if err := s.waiting.wait(t.scope, t); err != nil {
			return err
		}
	}
}

func (s *server) acceptOne(t *task, ln *Listener) error {
	fd, peer, err := ln.acceptFD(t)
	switch {
	case err != nil:
	case !s.conns.enter():
		_ = s.loop.reactor.OS().Abort(fd)
	case s.fleet == nil:
		s.adopt(fd, peer)
	case !s.fleet.handOut(fd, peer):
		_ = s.loop.reactor.OS().Abort(fd)
		s.conns.leave()
	}
	return err
}

// adopt serves a connection on this loop.
func (s *server) adopt(fd poller.FD, peer poller.Addr) {
	var err error
	if s.readable {
		err = s.adoptReadable(fd, peer)
	} else {
		err = s.adoptTask(fd, peer)
	}
	if err != nil {
		s.loop.dropped(peer, err)
		s.left()
	}
}

// left gives back the place of a connection.
func (s *server) left() {
	if s.fleet != nil {
		s.load.Add(-1)
	}
	s.conns.leave()
}

// ended counts a connection that has ended.
func (s *server) ended() {
	s.left()
	if s.open--; s.open == 0 {
		s.waiting.wakeOne(nil)
	}
}

func (s *server) adoptTask(fd poller.FD, peer poller.Addr) error {
	c, err := s.loop.newConn(fd, peer)
	if err != nil {
		return err
	}
	in := s.handlers
	if s.counted {
		c.more().server = s
		s.open++
	}
	if s.config.IdleTimeout > 0 || s.config.RequestTimeout > 0 || s.config.DrainTimeout > 0 {
		n := newSession(s)
		c.more().session = n
		in = &n.scope
	}
	s.loop.serve(in, s.handler, c, s.site)
	return nil
}

// served is the end of a handler, which returned nil, or failed.
func (c *Conn) served(in *cancelScope, ok bool) {
	x := c.extra
	if x == nil {
		_ = c.close()
		return
	}
	if x.readable != nil {
		x.readable.handled(in, ok)
		return
	}
	_ = c.close()
	if x.session != nil {
		x.session.close()
	}
	if x.server != nil {
		x.server.ended()
	}
}

// drain begins the end: the scope has been cancelled, or accepting has failed.
func (s *server) drain() {
	s.draining = true
	s.closeIdle()
	if s.config.DrainTimeout <= 0 {
		return // the handlers are cancelled with the scope
	}
	for n := s.handlers.inner.first; n != nil; n = n.links.next {
		if n.session != nil && n.session.phase == phaseIdle {
			n.cancel(s.cause())
		}
	}
	s.handlers.expireAfter(s.config.DrainTimeout)
}

// cause is what the server ends for.
func (s *server) cause() error {
	if cause := s.scope.scope.cause; cause != nil {
		return cause
	}
	return context.Canceled // accepting has failed, which the scope is about to say
}
