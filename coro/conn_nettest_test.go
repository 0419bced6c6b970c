package coro

import (
	"context"
	"net"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/stretchr/testify/require"
)

// nettest is what the Go project asks of every net.Conn: deadlines past, present
// and future, data races, operations that wait while the connection closes. It
// runs on plain goroutines, with ends of one loop, of two, and of package net's.
func TestConnPassesNettest(t *testing.T) {
	for name, ends := range map[string]func(t *testing.T, e *env, l *idleLoop) (a, b net.Conn){
		"two ends on one loop":          func(t *testing.T, e *env, l *idleLoop) (a, b net.Conn) { return l.pair(t, e, l) },
		"two ends on two loops":         func(t *testing.T, e *env, l *idleLoop) (a, b net.Conn) { return l.pair(t, e, newIdleLoop(t, e)) },
		"one end against package net's": func(t *testing.T, e *env, l *idleLoop) (a, b net.Conn) { return l.accepted(t, e) },
		"package net's end against one": func(t *testing.T, e *env, l *idleLoop) (a, b net.Conn) { b, a = l.accepted(t, e); return a, b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // much of its time it waits for deadlines
			onEveryBackend(t, func(t *testing.T, e *env) {
				t.Parallel()
				nettest.TestConn(t, func() (a, b net.Conn, stop func(), err error) {
					l := newIdleLoop(t, e)
					a, b = ends(t, e, l)
					return a, b, func() { _, _ = a.Close(), b.Close() }, nil
				})
			})
		})
	}
}

// idleLoop is a loop on a goroutine of its own, whose main only waits. It ends
// with the test.
type idleLoop struct{ ctx context.Context }

func newIdleLoop(t *testing.T, e *env) *idleLoop {
	l := new(idleLoop)
	ctx, cancel := context.WithCancel(context.Background())
	c := e.config()
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- c.Run(ctx, func(ctx context.Context) error {
			l.ctx = ctx
			close(begun)
			var never Event
			return never.Wait(ctx)
		})
	}()
	wait(t, begun, "a loop to begin")
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, wait(t, ended, "a loop to end"), context.Canceled)
	})
	return l
}

// do runs fn as a task of the loop's.
func (l *idleLoop) do(t *testing.T, fn func(ctx context.Context) error) {
	t.Helper()
	require.NoError(t, l.loop().asTask(func(*task) error { return fn(l.ctx) }))
}

func (l *idleLoop) loop() *loop { return l.ctx.(*cancelScope).loop }

func (l *idleLoop) listen(t *testing.T, e *env) (ln *Listener) {
	t.Helper()
	l.do(t, func(ctx context.Context) (err error) { ln, err = Listen(ctx, e.network, e.address()); return err })
	return ln
}

// pair is a connection from a loop to l.
func (l *idleLoop) pair(t *testing.T, e *env, from *idleLoop) (a, b net.Conn) {
	t.Helper()
	ln := l.listen(t, e)
	from.do(t, func(ctx context.Context) (err error) { a, err = Dial(ctx, e.network, ln.Addr().String()); return err })
	b, err := ln.Accept()
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return a, b
}

// accepted is a connection from package net to l.
func (l *idleLoop) accepted(t *testing.T, e *env) (weft, peer net.Conn) {
	t.Helper()
	ln := l.listen(t, e)
	peer, err := net.Dial(e.network, ln.Addr().String())
	require.NoError(t, err)
	weft, err = ln.Accept()
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return weft, peer
}
