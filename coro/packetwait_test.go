package coro

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// Waiting for a datagram, and for room: what ends it.

func TestPacketConnDeadlineEndsTheWaiting(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			buf := make([]byte, 10)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
			for range 2 {
				_, _, err := c.ReadFrom(buf)
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				_, err = c.ReadBatch(messages(2, 2))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			}
			_, err := c.WriteTo([]byte("x"), c.LocalAddr())
			require.NoError(t, err, "WriteTo after the deadline for reading")
			require.NoError(t, c.SetReadDeadline(time.Time{}))
			_, _, err = c.ReadFrom(buf)
			require.NoError(t, err, "ReadFrom after the deadline was cleared")
			require.NoError(t, c.SetDeadline(time.Unix(1, 0)))
			_, err = c.WriteTo([]byte("x"), c.LocalAddr())
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, "WriteTo after the deadline")
			_, err = c.WriteBatch([]Message{{Peer: c.local}})
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, "WriteBatch after the deadline")
			var timeout net.Error
			require.True(t, errors.As(err, &timeout) && timeout.Timeout(), "a net.Error that is a timeout")
		})
	})
}

func TestPacketConnWaitsForRoomAtTheReceiver(t *testing.T) {
	onNetworks(t, []string{"unixgram"}, func(t *testing.T, e *env) {
		for _, connected := range []bool{false, true} {
			e.try(func(ctx context.Context) {
				server := e.packet(ctx)
				client := e.packet(ctx)
				if connected {
					client = e.packetTo(ctx, server.LocalAddr())
				}
				write := func(text string) error {
					if connected {
						_, err := client.Write([]byte(text))
						return err
					}
					_, err := client.WriteTo([]byte(text), server.LocalAddr())
					return err
				}
				full := fillPackets(t, client, server.LocalAddr())

				require.NoError(t, client.SetWriteDeadline(time.Now().Add(time.Millisecond)))
				require.ErrorIs(t, write("late"), os.ErrDeadlineExceeded)
				require.NoError(t, client.SetWriteDeadline(time.Time{}))
				require.ErrorIs(t, Timeout(ctx, time.Millisecond, func(context.Context) error { return write("cancelled") }), context.DeadlineExceeded)

				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					wrote := background(t, s, func(context.Context) (int, error) { return 0, write("last") })
					settle(t, ctx)
					require.Equal(t, waitWrite, s.scope.tasks.first.waits, "what the sender waits for")
					buf := make([]byte, 10)
					for range full {
						n, err := server.Read(buf)
						require.NoError(t, err)
						require.Equal(t, "x", string(buf[:n]))
					}
					n, err := server.Read(buf)
					require.NoError(t, err)
					require.Equal(t, "last", string(buf[:n]), "what was written when there was room, and nothing of what failed")
					_, err = wrote.wait(ctx)
					return err
				}))

				full = fillPackets(t, client, server.LocalAddr())
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					wrote := background(t, s, func(context.Context) (int, error) { return 0, write("never") })
					settle(t, ctx)
					require.NoError(t, client.Close())
					_, err := wrote.wait(ctx)
					require.ErrorIs(t, err, net.ErrClosed)
					return nil
				}))
				require.Positive(t, full)
			})
		}
	})
}

func TestPacketConnCancellationEndsTheWaiting(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		cause := errors.New("enough")
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			var read *promise[int]
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				read = background(t, s, func(context.Context) (int, error) { return c.Read(make([]byte, 1)) })
				settle(t, ctx)
				s.Cancel(cause)
				return nil
			}))
			require.ErrorIs(t, read.err, cause)
			_, err := c.WriteTo([]byte("x"), c.LocalAddr())
			require.NoError(t, err)
			_, err = c.Read(make([]byte, 1))
			require.NoError(t, err, "Read after another one was cancelled")
			require.NoError(t, Timeout(ctx, 0, func(context.Context) error {
				for name, operation := range map[string]func() error{
					"ReadFrom":   func() error { _, _, err := c.ReadFrom(nil); return err },
					"ReadBatch":  func() error { _, err := c.ReadBatch(nil); return err },
					"WriteTo":    func() error { _, err := c.WriteTo(nil, c.LocalAddr()); return err },
					"WriteBatch": func() error { _, err := c.WriteBatch(nil); return err },
				} {
					require.ErrorIs(t, operation(), context.DeadlineExceeded, "%s in a cancelled scope", name)
				}
				require.NoError(t, c.SetDeadline(time.Now()), "SetDeadline in a cancelled scope")
				return c.Close()
			}))
		})
	})
}

func TestPacketConnCloseEndsTheWaiting(t *testing.T) {
	onRealPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				var reads []*promise[int]
				for range 3 { // one waits for a datagram, the others for their turn
					reads = append(reads, background(t, s, func(context.Context) (int, error) { return c.Read(make([]byte, 1)) }))
				}
				settle(t, ctx)
				require.NoError(t, c.Close())
				for _, read := range reads {
					_, err := read.wait(ctx)
					require.ErrorIs(t, err, net.ErrClosed)
				}
				return nil
			}))
			calls := e.os.receives + e.os.sends
			for name, operation := range map[string]func() error{
				"Close":         c.Close,
				"ReadFrom":      func() error { _, _, err := c.ReadFrom(make([]byte, 1)); return err },
				"ReadBatch":     func() error { _, err := c.ReadBatch(messages(1, 1)); return err },
				"WriteTo":       func() error { _, err := c.WriteTo(nil, c.LocalAddr()); return err },
				"WriteBatch":    func() error { _, err := c.WriteBatch(messages(1, 1)); return err },
				"SetDeadline":   func() error { return c.SetDeadline(time.Now()) },
				"SetReadBuffer": func() error { return c.SetReadBuffer(1000) },
				"SyscallConn":   func() error { _, err := c.SyscallConn(); return err },
				"File":          func() error { _, err := c.File(); return err },
				"JoinGroup":     func() error { return c.JoinGroup(nil, c.local.Addr()) },
			} {
				require.ErrorIs(t, operation(), net.ErrClosed, "%s after Close", name)
			}
			require.Equal(t, calls, e.os.receives+e.os.sends, "system calls after Close")
		})
	})
}

func TestPacketConnServesReadersInTurn(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				var order []int
				for i := range 5 {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						read := func() error { _, err := c.Read(make([]byte, 1)); return err }
						if i == 2 { // gives up in the queue
							require.ErrorIs(t, Timeout(ctx, time.Millisecond, func(context.Context) error { return read() }), context.DeadlineExceeded)
							order = append(order, i)
							return nil
						}
						if err := read(); err != nil {
							return err
						}
						order = append(order, i)
						return nil
					}))
				}
				for len(order) == 0 {
					require.NoError(t, Yield(ctx))
				}
				for range 4 {
					_, err := c.WriteTo([]byte("x"), c.LocalAddr())
					require.NoError(t, err)
				}
				for len(order) < 5 {
					require.NoError(t, Yield(ctx))
				}
				require.Equal(t, []int{2, 0, 1, 3, 4}, order, "readers in the order in which they were served")
				return nil
			}))
		})
	})
}

func TestPacketConnLetsTheOthersRun(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c, ready := e.packet(ctx), 200
			if e.network == "unixgram" {
				ready = min(ready, fillPackets(t, e.packetTo(ctx, c.LocalAddr()), nil)) // a queue has ten or so
			} else {
				for range ready {
					_, err := c.WriteTo([]byte("x"), c.LocalAddr())
					require.NoError(t, err)
				}
			}
			for _, batch := range []bool{false, true} {
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					turns, done := 0, false
					require.NoError(t, s.Go(func(ctx context.Context) error {
						for !done {
							turns++
							if err := Yield(ctx); err != nil {
								return err
							}
						}
						return nil
					}))
					read := 0
					for read < ready/2 {
						n := 1
						var err error
						if batch {
							n, err = c.ReadBatch(messages(min(operationsPerResume, ready/2-read), 1))
						} else {
							_, err = c.Read(make([]byte, 1))
						}
						require.NoError(t, err)
						read += n
					}
					done = true
					require.GreaterOrEqual(t, turns, read/operationsPerResume-1, "turns of another task while %d datagrams were read, batches: %v", read, batch)
					return nil
				}))
			}
		})
	})
}

func TestPacketConnWorksFromGoroutines(t *testing.T) {
	onRealPackets(t, func(t *testing.T, e *env) {
		l := newIdleLoop(t, e)
		other := newIdleLoop(t, e)
		var server, client *PacketConn
		l.do(t, func(ctx context.Context) error { server = e.packet(ctx); return nil })
		other.do(t, func(ctx context.Context) error { client = e.packet(ctx); return nil })
		const each, most = 50, 4 // what a Unix socket's queue has room for
		var all sync.WaitGroup
		for range most {
			all.Go(func() {
				for range each {
					if _, err := client.WriteTo([]byte("question"), server.LocalAddr()); err != nil {
						t.Errorf("WriteTo from a goroutine: %v", err)
					}
					buf := make([]byte, 10)
					n, from, err := server.ReadFrom(buf)
					if err != nil || string(buf[:n]) != "question" || from.String() != client.LocalAddr().String() {
						t.Errorf("ReadFrom on a goroutine: %q from %v, %v", buf[:n], from, err)
					}
				}
			})
		}
		all.Wait()
		l.do(t, func(context.Context) error { // a task of another loop
			_, err := client.WriteTo([]byte("from a task"), server.LocalAddr())
			return err
		})
		into := messages(3, 20)
		n, err := server.ReadBatch(into)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, "from a task", string(into[0].Payload[:into[0].N]))
		n, err = client.WriteBatch([]Message{{Payload: []byte("batch"), Peer: server.local}})
		require.NoError(t, err)
		require.Equal(t, 1, n)
		_, err = server.ReadBatch(into)
		require.NoError(t, err)
		require.Equal(t, uint64(each*most+2), server.Stats().Received)

		waiting := make(chan error)
		go func() { _, _, err := server.ReadFrom(make([]byte, 1)); waiting <- err }()
		go func() { _, err := client.Read(make([]byte, 1)); waiting <- err }()
		require.NoError(t, server.Close())
		require.ErrorIs(t, server.Close(), net.ErrClosed)
		require.NoError(t, client.SetReadDeadline(time.Now()))
		ends := fmt.Sprint(wait(t, waiting, "the first reader"), wait(t, waiting, "the second reader"))
		require.Contains(t, ends, net.ErrClosed.Error())
		require.Contains(t, ends, os.ErrDeadlineExceeded.Error())
	})
}

func TestPacketConnOfAnEndedLoopIsClosed(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		var c *PacketConn
		e.try(func(ctx context.Context) { c = e.packet(ctx) })
		_, _, err := c.ReadFrom(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = c.WriteBatch(messages(1, 1))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, c.Close(), net.ErrClosed)
		require.Zero(t, c.Stats())
		require.NotEqual(t, poller.Addr{}, c.local)
		require.NotEmpty(t, c.LocalAddr().String())
	})
}
