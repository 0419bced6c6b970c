package coro

import (
	"errors"
	"io"
	"net"
)

// contain is the end of a task whose failure is nobody's but its own: it is
// logged, unless it only says that the connection or the scope has ended.
func (l *loop) contain(s *cancelScope, err error) {
	if err == nil || s.cause != nil && isEcho(err, s.cause) {
		return // before the variables below, which are allocated
	}
	var panicked *PanicError
	var exited *GoexitError
	var network *net.OpError
	switch {
	case errors.As(err, &panicked):
		l.log.Error("coro: panic in a handler, its connection is closed",
			"panic", panicked.Value, "name", panicked.Name, "handler", panicked.Spawned, "stack", string(panicked.Stack))
	case errors.As(err, &exited):
		l.log.Error("coro: handler called runtime.Goexit, its connection is closed", "name", exited.Name, "handler", exited.Spawned)
	case errors.Is(err, io.EOF) || errors.As(err, &network):
		l.log.Debug("coro: connection ended", "error", err)
	default:
		l.log.Warn("coro: handler failed, its connection is closed", "error", err)
	}
}
