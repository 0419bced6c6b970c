package reactor

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// group is a running group of two loops, or n.
func (e *env) group(n int) *Group {
	e.t.Helper()
	o := Options{Logger: quiet, PoisonBuffers: true}
	o.Poller.Backend = e.backend
	g, err := NewGroup(n, o)
	require.NoError(e.t, err)
	e.t.Cleanup(func() { require.NoError(e.t, g.Close()) })
	return g
}

// runGroup runs g until the test or stop ends it.
func (e *env) runGroup(g *Group) (stop context.CancelFunc, ended chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended = make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- g.Run(ctx)
	}()
	e.t.Cleanup(func() {
		g.Stop()
		wait(e.t, done, "the end of Group.Run")
	})
	return cancel, ended
}

func (e *env) dialAddr(a net.Addr) net.Conn {
	e.t.Helper()
	c, err := net.Dial(e.network, a.String())
	require.NoError(e.t, err)
	require.NoError(e.t, c.SetDeadline(time.Now().Add(stuck)))
	e.t.Cleanup(func() { c.Close() })
	return c
}

func TestGroupSpreadsConnections(t *testing.T) {
	for _, spread := range []Spread{SpreadAuto, SpreadReusePort, SpreadRoundRobin, SpreadLeastConns} {
		t.Run(spread.String(), func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				g := e.group(2)
				var mu sync.Mutex
				on := map[*Loop]int{}
				addr, err := g.Listen(e.network, e.address(), GroupListenOptions{Spread: spread}, always(&calls{
					open: func(c *Conn) { mu.Lock(); on[c.Loop()]++; mu.Unlock() },
					data: echoing{}.OnData,
				}))
				if e.network == "unix" && spread == SpreadReusePort {
					require.ErrorIs(t, err, errors.ErrUnsupported)
					return
				}
				require.NoError(t, err)
				stop, ended := e.runGroup(g)
				const conns = 64
				var open []net.Conn
				for range conns {
					c := e.dialAddr(addr)
					open = append(open, c)
					pingPong(t, c, "hello")
				}
				mu.Lock()
				a, b := on[g.Loops()[0]], on[g.Loops()[1]]
				mu.Unlock()
				require.Equal(t, conns, a+b, "connections served")
				if spread == SpreadRoundRobin || spread == SpreadLeastConns {
					require.Equal(t, conns/2, a, "connections of the first loop")
				} else { // a hash: one of 2^63 runs gives them all to one
					require.True(t, a > 0 && b > 0, "connections of the loops: %d and %d", a, b)
				}
				for _, c := range open {
					c.Close()
				}
				stop()
				require.NoError(t, wait(t, ended, "the end of Run"))
			})
		})
	}
}

func TestGroupGivesConnectionsToTheLoopWithTheFewest(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		g := e.group(2)
		busy, idle := g.Loops()[0], g.Loops()[1]
		var onIdle atomic.Int64
		addr, err := g.Listen(e.network, e.address(), GroupListenOptions{Spread: SpreadLeastConns}, always(&calls{
			open: func(c *Conn) {
				if c.Loop() == idle {
					onIdle.Add(1)
				}
			},
			data: echoing{}.OnData,
		}))
		require.NoError(t, err)
		busy.load.Add(10) // as many connections of other listeners
		e.runGroup(g)
		for range 10 {
			pingPong(t, e.dialAddr(addr), "x")
		}
		require.EqualValues(t, 10, onIdle.Load(), "connections given to the idle loop")
	})
}

func TestGroupLimitCountsTheConnectionsOfAllLoops(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		g := e.group(2)
		o := GroupListenOptions{ListenOptions: ListenOptions{MaxConns: 2}}
		o.Spread = SpreadReusePort
		_, err := g.Listen(e.network, e.address(), o, always(echoing{}))
		require.ErrorIs(t, err, errors.ErrUnsupported, "MaxConns with listeners that do not know of each other")
		o.Spread = SpreadAuto
		var most, now atomic.Int64
		addr, err := g.Listen(e.network, e.address(), o, always(&calls{
			open: func(*Conn) {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
			},
			data:   echoing{}.OnData,
			closed: func(*Conn, error) { now.Add(-1) },
		}))
		require.NoError(t, err)
		e.runGroup(g)
		var all sync.WaitGroup
		failed := make(chan error, 100)
		for range 8 {
			all.Go(func() {
				for range 20 {
					c, err := net.Dial(e.network, addr.String())
					if err == nil {
						_ = c.SetDeadline(time.Now().Add(stuck))
						_, _ = io.WriteString(c, "x")
						_, err = io.ReadFull(c, make([]byte, 1))
						c.Close()
					}
					if err != nil {
						failed <- err
						return
					}
				}
			})
		}
		all.Wait()
		require.Empty(t, failed, "connections that were not served")
		require.LessOrEqual(t, most.Load(), int64(2), "connections open at a time")
	})
}

func TestGroupEndsWhenOneLoopFails(t *testing.T) {
	t.Run("by an error", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			g := e.group(3)
			p := newProbe(g.loops[1].os)
			g.loops[1].os = p
			_, ended := e.runGroup(g)
			require.NoError(t, g.loops[1].Post(func() {
				p.failWait = func() error { return os.NewSyscallError("epoll_wait", syscall.EBADF) }
			}))
			require.ErrorIs(t, wait(t, ended, "the end of Run"), syscall.EBADF)
		})
	})

	t.Run("by a Goexit", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			g := e.group(2)
			_, ended := e.runGroup(g)
			require.NoError(t, g.loops[1].Post(runtime.Goexit))
			require.ErrorContains(t, wait(t, ended, "the end of Run"), "Goexit")
		})
	})
}

func TestGroupIsMadeOfLoopsOfTheirOwn(t *testing.T) {
	_, err := NewGroup(2, Options{OS: newFakeOS()})
	require.Error(t, err, "a group whose loops share one OS")
	g, err := NewGroup(0, Options{})
	require.NoError(t, err)
	require.Len(t, g.Loops(), 1, "loops of a group of 0")
	require.NoError(t, g.Close())
	require.ErrorIs(t, g.Run(context.Background()), ErrLoopClosed, "Run after Close")
}

func TestGroupPortInUseLeavesNothingOpen(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer taken.Close()
		g := e.group(2)
		_, err = g.Listen("tcp", taken.Addr().String(), GroupListenOptions{}, always(echoing{}))
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		for _, l := range g.Loops() {
			require.Zero(t, l.Stats().Sources, "sources left open")
		}
	})
}

// The order to go on comes by Post from the connection's loop.
func TestGroupLimitGoesOnAlsoWhenThePostQueueIsFull(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		o := Options{Logger: quiet, Limits: Limits{MaxPosted: 1}}
		o.Poller.Backend = e.backend
		g, err := NewGroup(2, o)
		require.NoError(t, err)
		addr, err := g.Listen(e.network, e.address(), GroupListenOptions{ListenOptions: ListenOptions{MaxConns: 1}}, always(echoing{}))
		require.NoError(t, err)
		acceptor := g.Loops()[0]
		var ln *Listener
		for ln = range acceptor.listeners {
		}
		g.next = 1 // the first connection goes to the other loop
		e.runGroup(g)
		first := e.dialAddr(addr)
		pingPong(t, first, "first")
		second := e.dialAddr(addr)

		entered, leave := make(chan struct{}), make(chan struct{})
		for acceptor.Post(func() { close(entered); <-leave }) != nil {
		}
		wait(t, entered, "the function that holds the acceptor")
		for acceptor.Post(func() {}) == nil {
		}
		require.NoError(t, first.Close())
		for ln.Conns() > 0 {
			runtime.Gosched()
		}
		close(leave)
		pingPong(t, second, "second")
	})
}

func TestGroupDropsAConnectionHandedToALoopThatDrains(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	ln, _ := f.listen(t, l, ListenOptions{}, always(&calls{open: func(*Conn) { t.Error("OnOpen on a loop that drains") }}))
	l.drain()
	fd, file := f.open()
	ln.conns.Add(1)
	l.load.Add(1)
	l.adopt(ln, fd, fakePeer)
	require.True(t, file.closed, "descriptor closed")
	require.Zero(t, l.Stats().Conns)
	require.Zero(t, ln.Conns())
	require.Zero(t, l.load.Load())
}

// Hand-overs, closes and the end, all at once.
func TestGroupEndsDuringHandOvers(t *testing.T) {
	rounds := 10
	if raceEnabled || testing.Short() {
		rounds = 4
	}
	onEveryBackend(t, func(t *testing.T, e *env) {
		for round := range rounds {
			g := e.group(3)
			var opened, closed atomic.Int64
			addr, err := g.Listen(e.network, e.address(), GroupListenOptions{Spread: SpreadRoundRobin}, always(&calls{
				open:   func(*Conn) { opened.Add(1) },
				data:   echoing{}.OnData,
				closed: func(*Conn, error) { closed.Add(1) },
			}))
			require.NoError(t, err)
			stop, ended := e.runGroup(g)
			over := make(chan struct{})
			served := make(chan struct{}, 100)
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for {
						select {
						case <-over:
							return
						default:
						}
						c, err := net.Dial(e.network, addr.String())
						if err != nil {
							continue
						}
						_ = c.SetDeadline(time.Now().Add(stuck))
						_, _ = io.WriteString(c, "x")
						if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
							select {
							case served <- struct{}{}:
							default:
							}
						}
						c.Close()
					}
				})
			}
			for range 30 {
				wait(t, served, "connections")
			}
			if round%2 == 0 {
				stop()
			} else {
				g.Stop()
			}
			require.NoError(t, wait(t, ended, "the end of Run"))
			close(over)
			all.Wait()
			require.Equal(t, opened.Load(), closed.Load(), "connections opened against OnClose called")
			for i, l := range g.Loops() {
				require.Zero(t, l.load.Load(), "load of loop %d", i)
			}
		}
	})
}
