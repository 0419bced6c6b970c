package main

import (
	"context"
	"io"
	"net"

	"github.com/valyala/fasthttp"

	"github.com/weft-go/weft/coro"
)

// exchange is a connection as fasthttp sees it, for one call of the handler: from
// the bytes that woke it to the moment when no request is under way.
//
// fasthttp's ServeConn is made to return where it would wait for the next request.
// Its loop asks for that request's first byte by a Read; we know by then, from the
// ConnState hook, that the last answer is out and that nothing is left in its
// buffers, and end it by io.EOF. So it gives back its buffers, and the task its
// stack, and what remains of an idle connection is what coro needs.
//
//	           a byte                        answered
//	between -----------> request ----------------------.
//	   ^                                               |
//	   |'----------------------------------------------'
//	   | Read, nothing there          Connection: close, an error
//	   v                                  |
//	 idle                               ended
//
// Pipelined requests never come to a Read in between: fasthttp has them in its
// buffer, and serves them first.
type exchange struct {
	net.Conn      // what fasthttp talks to: the wire, or the tls.Conn over it
	wire     wire // over the socket
	ctx      context.Context
}

// wire is the socket's side: it keeps reads between two requests from waiting.
// Under TLS those are tls.Conn's, which has a buffer of its own: a request that is
// there already is decrypted without a Read of the socket, and half a record is kept
// for the next call.
type wire struct {
	*coro.Conn
	phase phase
	// promised: one read will not wait. ServeReadable has said so.
	promised bool
	// finished: the client has closed its side.
	finished bool
}

type phase uint8

const (
	between phase = iota // no byte of a request has come yet
	request
	idle  // ServeConn was made to return
	ended // ServeConn has returned by itself
)

func (p phase) String() string { return [...]string{"between", "request", "idle", "ended"}[p] }

// nothingThere is the error of a read that would have had to wait.
//
// It is temporary, since crypto/tls makes all others permanent.
type nothingThere struct{}

func (nothingThere) Error() string   { return "no further request yet" }
func (nothingThere) Timeout() bool   { return true }
func (nothingThere) Temporary() bool { return true }

// Read reads from the socket.
func (w *wire) Read(p []byte) (int, error) {
	if w.phase == between {
		if !w.promised {
			return 0, nothingThere{}
		}
		w.promised = false
	}
	n, err := w.Conn.Read(p)
	w.finished = w.finished || err == io.EOF
	return n, err
}

// Read is fasthttp's.
func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.Conn.Read(p)
	if x.wire.phase == between && err == (nothingThere{}) {
		x.wire.phase = idle
		err = io.EOF // ServeConn ends without an answer
	}
	return n, err
}

// Close is ServeConn's last call, and does nothing: whether the connection ends is
// decided when it has returned.
func (x *exchange) Close() error { return nil }

// observe is fasthttp's ConnState hook.
func observe(c net.Conn, s fasthttp.ConnState) {
	x := exchangeOf(c)
	switch s {
	case fasthttp.StateActive:
		x.wire.phase, x.wire.promised = request, false // tls.Conn may have had it already
	case fasthttp.StateIdle:
		x.wire.phase = between
	case fasthttp.StateClosed:
		if x.wire.phase != idle {
			x.wire.phase = ended
		}
	}
}

// begin makes the exchange ready for a call of the handler.
func (x *exchange) begin(ctx context.Context, promised bool) {
	x.ctx, x.wire.phase, x.wire.promised = ctx, between, promised
}

func (x *exchange) base() *exchange { return x }

// exchangeOf is a connection that fasthttp was given.
func exchangeOf(c net.Conn) *exchange { return c.(interface{ base() *exchange }).base() }

// taskContext is the context of the task that serves a request. A RequestCtx is a
// context.Context as well, but knows nothing of the loop and its cancellation: it
// is this one that package coro's functions want.
func taskContext(rc *fasthttp.RequestCtx) context.Context { return exchangeOf(rc.Conn()).ctx }
