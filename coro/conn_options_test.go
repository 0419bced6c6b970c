package coro

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// tcpOptions are the methods of net.TCPConn's that are about TCP.
var tcpOptions = map[string]func(c *Conn) error{
	"SetNoDelay":         func(c *Conn) error { return c.SetNoDelay(true) },
	"SetLinger":          func(c *Conn) error { return c.SetLinger(-1) },
	"SetKeepAlive":       func(c *Conn) error { return c.SetKeepAlive(false) },
	"SetKeepAlivePeriod": func(c *Conn) error { return c.SetKeepAlivePeriod(time.Second) },
	"SetKeepAliveConfig": func(c *Conn) error { return c.SetKeepAliveConfig(net.KeepAliveConfig{}) },
}

func TestOptionsAreThoseOfTheSocket(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, _ := e.pair(ctx)
			option := func(o poller.Option) (value int) {
				require.NoError(t, a.loop.do(func() (err error) { value, err = e.os.Option(a.src.FD(), o); return err }))
				return value
			}
			fromEverywhere(t, ctx, func() {
				for _, on := range []bool{false, true} {
					require.NoError(t, a.SetNoDelay(on))
					require.Equal(t, number(on), option(poller.NoDelay))
					require.NoError(t, a.SetKeepAlive(on))
					require.Equal(t, number(on), option(poller.KeepAlive))
				}
				require.NoError(t, a.SetKeepAlive(false))
				require.NoError(t, a.SetKeepAlivePeriod(1500*time.Millisecond))
				require.Zero(t, option(poller.KeepAlive), "KeepAlive after SetKeepAlivePeriod, which turns nothing on")
				require.NoError(t, a.SetKeepAlive(true))
				require.Equal(t, 2, option(poller.KeepAliveIdle), "1.5 s, rounded up")
				require.NoError(t, a.SetKeepAlivePeriod(-1))
				require.Equal(t, 2, option(poller.KeepAliveIdle), "after a negative period, which changes nothing")
				require.NoError(t, a.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 20 * time.Second, Interval: 5 * time.Second, Count: 4}))
				require.Equal(t, [3]int{20, 5, 4}, [3]int{option(poller.KeepAliveIdle), option(poller.KeepAliveInterval), option(poller.KeepAliveCount)})
				require.NoError(t, a.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}))
				require.Equal(t, [3]int{20, 5, 4}, [3]int{option(poller.KeepAliveIdle), option(poller.KeepAliveInterval), option(poller.KeepAliveCount)})
				require.NoError(t, a.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true}))
				require.Equal(t, [3]int{15, 15, 9}, [3]int{option(poller.KeepAliveIdle), option(poller.KeepAliveInterval), option(poller.KeepAliveCount)})
				require.NoError(t, a.SetReadBuffer(32<<10))
				require.GreaterOrEqual(t, option(poller.ReceiveBuffer), 32<<10)
				require.NoError(t, a.SetWriteBuffer(32<<10))
				require.GreaterOrEqual(t, option(poller.SendBuffer), 32<<10)
				for _, seconds := range []int{0, 3, -1} {
					require.NoError(t, a.SetLinger(seconds))
					require.Equal(t, seconds, option(poller.Linger))
				}
			})
			require.NoError(t, a.Close())
			for name, set := range tcpOptions {
				require.ErrorIs(t, set(a), net.ErrClosed, "%s after Close", name)
			}
			require.ErrorIs(t, a.SetReadBuffer(1), net.ErrClosed)
			require.ErrorIs(t, a.CloseRead(), net.ErrClosed)
		})
	})
}

func TestOptionsOfTCPAreUnsupportedOnAUnixSocket(t *testing.T) {
	onUnix(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, _ := e.pair(ctx)
			for name, set := range tcpOptions {
				err := set(a)
				require.ErrorIs(t, err, errors.ErrUnsupported, name)
				var failed *net.OpError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, "set", failed.Op)
			}
			require.NoError(t, a.SetReadBuffer(32<<10))
			require.NoError(t, a.SetWriteBuffer(32<<10))
		})
	})
}

func TestLingerOfNothingIsAReset(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, a.SetLinger(0))
			require.NoError(t, a.Close())
			_, err := b.Read(make([]byte, 1))
			require.ErrorIs(t, err, syscall.ECONNRESET)
		})
	})
}

// The kernel's close waits for the peer; the loop does not.
func TestLingerOfSecondsDoesNotStopTheLoop(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, a.SetLinger(int(stuck/time.Second)))
			full := fill(t, a)
			require.NoError(t, a.Close())
			n, err := io.Copy(io.Discard, b) // by the same loop
			require.NoError(t, err)
			require.EqualValues(t, full, n, "bytes the peer reads")
		})
	})
}

func TestConnCloseRead(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				reader := background(t, s, func(context.Context) (int, error) { return a.Read(make([]byte, 1)) })
				settle(t, ctx)
				require.NoError(t, a.CloseRead())
				_, err := reader.wait(ctx)
				require.Equal(t, io.EOF, err, "a Read that waited")
				_, err = a.Write([]byte("hello"))
				require.NoError(t, err, "Write after CloseRead")
				n, err := b.Read(make([]byte, 8))
				require.NoError(t, err)
				require.Equal(t, 5, n)
				return nil
			}))
		})
	})
}

func TestListenerDeadline(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			fromEverywhere(t, ctx, func() {
				begin := time.Now()
				require.NoError(t, ln.SetDeadline(begin.Add(3*time.Millisecond)))
				for range 2 {
					_, err := ln.Accept()
					var failed net.Error
					require.ErrorAs(t, err, &failed)
					require.True(t, failed.Timeout())
					require.False(t, time.Now().Before(begin.Add(3*time.Millisecond)), "Accept ended before its deadline")
				}
				require.NoError(t, ln.SetDeadline(time.Time{}))
			})
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				first := background(t, s, func(context.Context) (*Conn, error) { return ln.AcceptConn() })
				second := background(t, s, func(context.Context) (*Conn, error) { return ln.AcceptConn() })
				settle(t, ctx)
				require.NoError(t, ln.SetDeadline(time.Now().Add(-1)))
				for _, p := range []*promise[*Conn]{first, second} {
					_, err := p.wait(ctx)
					require.ErrorContains(t, err, "timeout")
				}
				return ln.SetDeadline(time.Time{})
			}))
			c := e.dial(ctx, ln)
			_, err := ln.Accept()
			require.NoError(t, err, "Accept after the deadline was cleared")
			require.NoError(t, c.Close())
			require.NoError(t, ln.Close())
			require.ErrorIs(t, ln.SetDeadline(time.Time{}), net.ErrClosed)
		})
	})
}
