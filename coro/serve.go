package coro

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
)

// Serve accepts connections from ln and runs handler as a task for each, until
// ln is closed or the scope is cancelled. The connection is closed when its
// handler returns. An error that handler returns, a panic and a Goexit end that
// connection only, and are logged: io.EOF and errors of the network at level
// Debug, others at Warn, panics and Goexit at Error.
//
// Closing ln is the graceful end: Serve waits for the handlers that run, and
// returns nil. Cancelling is the quick one: their next operation fails, and
// Serve returns the cause once they have ended. ln is a *Listener of the task's
// own loop; anything else is ErrForeignListener.
func Serve(ctx context.Context, ln net.Listener, handler func(ctx context.Context, c net.Conn) error) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	own, ok := ln.(*Listener)
	if !ok || own.loop != t.loop() {
		return ErrForeignListener
	}
	site := reflect.ValueOf(handler).Pointer() + 1 // as a return address: inside the function
	return WithScope(ctx, func(s *Scope) error {
		for {
			c, err := own.AcceptConn()
			switch {
			case err == nil:
				s.scope.loop.serve(&s.scope, handler, c, site)
			case s.scope.cause != nil:
				return s.scope.cause
			case errors.Is(err, net.ErrClosed):
				return nil
			default:
				return err
			}
		}
	})
}

// contain is the end of a task whose failure is nobody's but its own: it is
// logged, unless it only says that the connection or the scope has ended.
func (l *loop) contain(s *cancelScope, err error) {
	var panicked *PanicError
	var exited *GoexitError
	var network *net.OpError
	switch {
	case err == nil || s.cause != nil && isEcho(err, s.cause):
	case errors.As(err, &panicked):
		l.log.Error("coro: panic in a handler, its connection is closed",
			"panic", panicked.Value, "handler", panicked.Spawned, "stack", string(panicked.Stack))
	case errors.As(err, &exited):
		l.log.Error("coro: handler called runtime.Goexit, its connection is closed", "handler", exited.Spawned)
	case errors.Is(err, io.EOF) || errors.As(err, &network):
		l.log.Debug("coro: connection ended", "error", err)
	default:
		l.log.Warn("coro: handler failed, its connection is closed", "error", err)
	}
}
