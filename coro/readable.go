package coro

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// ServeReadable is Serve for connections that are idle most of their life: the
// handler is called whenever there are bytes to read, or the end of the stream,
// and while it does not run, the connection has no task and no stack: 220 bytes
// instead of 3 KB.
//
//	           bytes                    returns nil
//	 idle ----------------> handler ----------------> idle
//	  |                        |
//	  | peer, IdleTimeout      | returns an error, io.EOF
//	  v                        v
//	closed                  closed
//
// The handler serves what has arrived, one request or several, and returns nil;
// what it leaves unread makes it be called again, after everybody else. What it
// has read into a buffer does not: requests in there are to be served first. It
// may wait, and has a stack then: for the rest of a request, or for something
// else. A handler that has read nothing and returns nil is ErrNothingRead. The
// connection is closed when it returns an error, for which io.EOF, from a Read,
// is the usual one. What belongs to the connection and not to the request, a
// half-filled buffer perhaps, is kept in [Conn.SetState]; deadlines are not.
//
// Other tasks may write to the connection, and close it, also while it is idle;
// reading is for the handler.
//
// The end is that of Serve, and so are errors. Idle connections end with the
// cancellation. After ln was closed ServeReadable goes on until the last
// connection has ended.
func ServeReadable(ctx context.Context, ln net.Listener, handler func(ctx context.Context, c net.Conn) error) error {
	return ServeConfig{}.ServeReadable(ctx, ln, handler)
}

// ServeReadable is the function ServeReadable with limits. They cost an idle
// connection nothing.
func (c ServeConfig) ServeReadable(ctx context.Context, ln net.Listener, handler func(ctx context.Context, c net.Conn) error) error {
	return c.serve(ctx, ln, &server{handler: handler, readable: true})
}

// SetState keeps a value with the connection, for the next call of a handler
// under ServeReadable; State gives it back. Call them from tasks of the
// connection's loop.
func (c *Conn) SetState(state any) { c.more().state = state }

// State is what SetState was given last, or nil.
func (c *Conn) State() any {
	if c.extra == nil {
		return nil
	}
	return c.extra.state
}

// readable is a connection of ServeReadable.
//
// Bound: 208 bytes, a size class of the allocator; with the loop's own 16 for a
// source they are what an idle connection costs.
type readable struct {
	Conn
	more       connExtra     // where Conn.extra points to
	next, prev *readable     // in the server's idle list
	since      time.Duration // when it became idle, on the loop's clock
}

type readablePhase uint8

const (
	readableIdle    readablePhase = iota // waits for bytes, without a task
	readableRunning                      // the handler is called, or about to be
	readableEnded
)

func (p readablePhase) String() string {
	return [...]string{"idle", "running", "ended"}[p]
}

func (s *server) adoptReadable(fd poller.FD, peer poller.Addr) error {
	r := new(readable)
	if err := r.Conn.init(s.loop, fd, peer); err != nil {
		return err
	}
	r.more = connExtra{server: s, readable: r}
	r.Conn.extra = &r.more
	s.open++
	r.rest()
	return nil
}

// rest makes the connection idle: it waits for bytes without a task. A deadline
// was the request's, and has gone with it.
func (r *readable) rest() {
	s := r.more.server
	r.more.phase = readableIdle
	if s.config.IdleTimeout > 0 {
		r.since = s.loop.reactor.OS().Now()
	}
	s.idle.add(r)
	r.src.SetDeadline(reactor.In, 0)
	r.src.SetDeadline(reactor.Out, 0)
	if err := r.src.Await(reactor.In, (*arrival)(r)); err != nil {
		s.idle.remove(r)
		r.fail(err) // another task reads
		return
	}
	s.watchIdle()
}

// arrival is an idle connection as the waiter of its source.
type arrival readable

func (a *arrival) Ready(err error) {
	r := (*readable)(a)
	if r.more.phase != readableIdle {
		return // it is being closed by us
	}
	r.more.server.idle.remove(r)
	if err != nil {
		r.end() // somebody who kept the Conn has closed it, or set a deadline
		return
	}
	r.call()
}

// call runs the handler.
func (r *readable) call() {
	s := r.more.server
	r.more.phase, r.more.consumed = readableRunning, false
	in := s.handlers
	if s.config.RequestTimeout > 0 {
		in = &cancelScope{group: s.scope}
		in.open(s.loop, s.handlers, s.handlers)
		in.expireAfter(s.config.RequestTimeout)
	}
	s.loop.serve(in, s.handler, &r.Conn, s.site)
}

// handled is the end of a call of the handler, which returned nil, or failed.
func (r *readable) handled(in *cancelScope, ok bool) {
	s := r.more.server
	if in != s.handlers {
		in.close()
	}
	if !ok || r.closed || s.draining {
		r.end()
		return
	}
	// A read that filled its buffer has not told what is behind it, and calling
	// the handler to find out would leave it waiting there, with its stack, for
	// the next request.
	switch _, err := r.src.Peek(s.peeked[:]); {
	case err == poller.ErrWouldBlock:
		r.rest()
	case err != nil && err != io.EOF:
		r.fail(r.opError("read", err)) // the kernel tells it once: the handler would find io.EOF
	case r.more.consumed:
		r.call()
	case err == io.EOF:
		r.end() // the handler has seen it, and need not say so
	default:
		r.fail(ErrNothingRead)
	}
}

// fail ends the connection for a reason that no handler has returned.
func (r *readable) fail(err error) {
	s := r.more.server
	s.loop.contain(s.handlers, fmt.Errorf("connection from %v: %w", r.RemoteAddr(), err))
	r.end()
}

// end closes the connection.
func (r *readable) end() {
	r.more.phase = readableEnded
	_ = r.Conn.close()
	r.more.server.ended()
}

// closeIdle ends all idle connections.
func (s *server) closeIdle() { s.endIdle(func(*readable) bool { return true }) }

// endIdle ends idle connections, the longest idle first, as long as they are
// over.
func (s *server) endIdle(over func(*readable) bool) {
	for r := s.idle.first; r != nil && over(r); r = s.idle.first {
		s.idle.remove(r)
		r.end()
	}
	s.watchIdle()
}

// watchIdle sets the timer for the connection that has been idle the longest.
// All may be idle for the same time, and they stand in the list in the order in
// which they became so: one timer serves them all. One that is early looks, and
// is set again.
func (s *server) watchIdle() {
	if s.config.IdleTimeout > 0 && s.idle.first != nil && !s.idleTimer.IsSet() {
		s.idleTimer.ResetAt(s.idleEnd(s.idle.first))
	}
}

// idleEnd is when a connection has been idle for too long, or the clock's end.
func (s *server) idleEnd(r *readable) time.Duration {
	return r.since + min(s.config.IdleTimeout, math.MaxInt64-r.since)
}

// idleTimer is a server as what the timer of its idle connections runs.
type idleTimer server

func (i *idleTimer) Run() {
	s := (*server)(i)
	now := s.loop.reactor.Now()
	s.endIdle(func(r *readable) bool { return s.idleEnd(r) <= now })
}

// idleList is the idle connections, the longest idle first.
type idleList struct {
	first, last *readable
	len         int
}

func (l *idleList) add(r *readable) {
	r.next, r.prev = nil, l.last
	if l.last != nil {
		l.last.next = r
	} else {
		l.first = r
	}
	l.last = r
	l.len++
}

func (l *idleList) remove(r *readable) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		l.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		l.last = r.prev
	}
	r.next, r.prev = nil, nil
	l.len--
}
