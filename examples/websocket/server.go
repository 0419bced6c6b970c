package main

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"github.com/gobwas/ws"

	"github.com/weft-go/weft/coro"
)

// How long things may take.
const (
	handshakeWithin = 10 * time.Second // the request, from its first byte to its last
	pingAfter       = 20 * time.Second // of silence, by default
	answerWithin    = 10 * time.Second // to a ping, or to a close

	// writeWithin is how long a write may take, the ones before it on the
	// connection included.
	//
	// Bound: a reader of 35 KB/s gets a message of maxMessage in it.
	writeWithin = 30 * time.Second
)

// server is what the connections have in common. It belongs to one loop: what
// does not wait is not seen half done by anybody else.
type server struct {
	tasks *coro.Scope // of those that outlive a handler's call
	room  *room

	// Every peer that has not ended is in one of these.
	open  *vigil // who may be silent until then
	owing *vigil // who owes an answer

	desks   []*desk    // free ones
	closing bool       // nobody else is taken in
	gone    coro.Event // while closing: no peer is left
}

func newServer(tasks *coro.Scope, ping time.Duration) *server {
	return &server{
		tasks: tasks,
		room:  newRoom(tasks),
		open:  newVigil(ping, func(_ context.Context, p *peer) error { return p.ping() }),
		owing: newVigil(answerWithin, func(ctx context.Context, p *peer) error { return p.end(ctx) }),
	}
}

// run serves what ln accepts until ln is closed and everyone has gone.
func (s *server) run(ctx context.Context, ln net.Listener) error {
	for _, task := range []func(context.Context) error{s.open.keep, s.owing.keep, s.room.spread} {
		if err := s.tasks.Daemon(task); err != nil {
			return err
		}
	}
	config := coro.ServeConfig{
		MaxConns: maxConns,
		// For those who connect and say nothing at all. Peers are never idle for
		// so long: they answer a ping, or are dropped.
		IdleTimeout: 2 * (s.open.patience + s.owing.patience),
	}
	return config.ServeReadable(ctx, ln, s.serve)
}

// serve is the handler of a connection on which there are bytes: its first
// ones, of the HTTP request, or those of frames.
func (s *server) serve(ctx context.Context, c net.Conn) error {
	conn := c.(*coro.Conn)
	d := s.takeDesk(conn)
	defer s.putDesk(d)
	p, upgraded := conn.State().(*peer)
	if !upgraded {
		var err error
		if p, err = s.handshake(ctx, conn, d); p == nil || err != nil {
			return over(err)
		}
		conn.SetState(p)
	}
	kept := false
	defer func() {
		if !kept { // also after a panic
			_ = p.end(ctx)
		}
	}()
	if !upgraded {
		if err := p.app.joined(ctx, p); err != nil {
			return over(err)
		}
	}
	// What the client has sent right behind its request is in the desk's buffer.
	if upgraded || d.in.Buffered() > 0 {
		if err := p.receive(ctx, d); err != nil {
			return over(err)
		}
	}
	kept = true
	return nil
}

// over is the end of a connection, as ServeReadable wants it. What was wrong
// with what a peer has sent, it was told; that it was too slow, or gone, is its
// own affair too. None of this is for the server's log.
func over(err error) error {
	var late *coro.TimeoutError
	if _, wrong := refused(err); wrong || err == nil || errors.As(err, &late) ||
		errors.Is(err, errLeft) || errors.Is(err, errClosing) || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// goodbye closes all WebSocket connections: their clients may come back later, or
// go to another server. They end when they have answered.
func (s *server) goodbye(ctx context.Context) error {
	s.closing = true
	for _, p := range slices.Concat(s.open.all(), s.owing.all()) {
		err := s.tasks.Go(func(ctx context.Context) error {
			return alone(ctx, p.hangUp(ctx, ws.StatusGoingAway, "the server is going down"))
		})
		if err == nil {
			err = coro.Yield(ctx) // as in vigil.keep
		}
		if err != nil {
			return err
		}
	}
	return s.ended(ctx)
}

// ended looks whether that was the last peer of a server that goes down.
func (s *server) ended(ctx context.Context) error {
	if !s.closing || s.open.first != nil || s.owing.first != nil {
		return nil
	}
	return s.gone.Set(ctx)
}

// alone is the error of a task that is about one connection and runs in the
// server's scope, where an error would end everything: only that of the scope
// itself is one.
func alone(ctx context.Context, err error) error {
	if err != nil {
		return context.Cause(ctx)
	}
	return nil
}
