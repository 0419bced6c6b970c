package reactor

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTurnRunsItsPhasesInOrder(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	var order []string
	note := func(s string) { order = append(order, s) }
	c, file := f.conn(t, l, ConnOptions{}, &calls{
		data:   func(c *Conn, b []byte) int { note("event"); _ = c.Abort(); return len(b) },
		closed: func(*Conn, error) { note("close") },
	})
	s, _ := fakeSource(t, l, f)
	require.NoError(t, s.Await(In, waiterFunc(func(error) { note("deadline") })))
	s.SetDeadline(In, time.Second)
	l.AfterFunc(time.Second, func() { note("timer"); l.Schedule(runFunc(func() { note("task") })) })
	require.NoError(t, l.Post(func() { note("posted"); _, _ = c.Write([]byte("x")) }))
	f.feed(file, "data")
	f.now = time.Second + wheelTick
	turn(t, l)
	require.Equal(t, []string{"timer", "deadline", "task", "posted", "event", "close"}, order)
	require.Equal(t, "x", string(file.out), "what the batch wrote is flushed in the same turn")
}

func TestRunAndTurnAreRefused(t *testing.T) {
	t.Run("from a callback", func(t *testing.T) {
		l, _ := newFakeLoop(t, Options{})
		require.NoError(t, l.Post(func() {
			require.Equal(t, ErrRunning, l.Turn(-1), "Turn")
			require.Equal(t, ErrRunning, l.Run(context.Background()), "Run")
			require.Equal(t, ErrRunning, l.Close(), "Close")
		}))
		turn(t, l)
		require.EqualValues(t, 0, l.Stats().Panics)
	})

	t.Run("on a loop that has ended", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		l.Stop()
		require.NoError(t, l.Run(context.Background()), "Run after Stop")
		require.Equal(t, ErrLoopClosed, l.Run(context.Background()), "second Run")
		require.Equal(t, ErrLoopClosed, l.Turn(0))
		require.NoError(t, l.Close(), "Close after Run")
		l.Stop()
		_, err := l.Listen("tcp", "127.0.0.1:0", ListenOptions{}, always(echoing{}))
		require.ErrorIs(t, err, ErrLoopClosed)
		fd, file := f.open()
		require.Equal(t, ErrLoopClosed, l.Register(new(Source), fd))
		require.False(t, file.closed, "a descriptor that was not taken")
		_, err = l.Dial("tcp", "192.0.2.1:7", DialOptions{}, NopHandler{})
		require.ErrorIs(t, err, ErrLoopClosed)
	})
}

func TestRunDrainsWhenItsContextEnds(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		opened := make(chan *Conn, 1)
		reasons := make(chan error, 1)
		s := e.serve(ListenOptions{}, always(&calls{
			open:   func(c *Conn) { opened <- c },
			closed: func(_ *Conn, err error) { reasons <- err },
		}))
		peer := e.dial(s.listener)
		c := wait(t, opened, "the connection")
		want := pattern(4 << 20)
		s.do(func() { _, _ = c.Write(want) })
		s.cancel()
		got, err := io.ReadAll(peer)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "bytes queued before the end: got %d, want %d, or others", len(got), len(want))
		require.Empty(t, reasons, "OnClose before the peer has finished")
		require.NoError(t, peer.Close())
		wait(t, s.ended, "the end of Run")
		require.NoError(t, s.err)
		require.NoError(t, wait(t, reasons, "OnClose"))
		require.Equal(t, ErrLoopClosed, s.Post(func() {}))
	})
}

func TestRunDrainsAlsoWhenThePostQueueIsFull(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{Limits: Limits{MaxPosted: 1}})
		r := e.run(l, p)
		entered, leave := make(chan struct{}), make(chan struct{})
		require.NoError(t, r.Post(func() { close(entered); <-leave }))
		wait(t, entered, "the function that holds the loop")
		for r.Post(func() {}) == nil {
		}
		full := r.posts.head.Load()
		r.cancel()
		for r.posts.head.Load() == full { // the order to drain
			runtime.Gosched()
		}
		close(leave)
		wait(t, r.ended, "the end of Run")
	})
}

func TestRunWithAContextThatHasEndedReturns(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		l, _ := e.loop(Options{})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.NoError(t, l.Run(ctx))
	})
}

func TestStopAbortsTheConnections(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		reasons := make(chan error, 1)
		s := e.serve(ListenOptions{}, always(&calls{data: echoing{}.OnData, closed: func(_ *Conn, err error) { reasons <- err }}))
		c := e.dial(s.listener)
		pingPong(t, c, "x")
		s.Stop()
		wait(t, s.ended, "the end of Run")
		require.NoError(t, s.err)
		require.Equal(t, ErrLoopClosed, wait(t, reasons, "OnClose"))
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET, "what the peer reads")
	})
}

func TestRunEndsWhenThePollerFails(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		reasons := make(chan error, 1)
		s := e.serve(ListenOptions{}, always(&calls{data: echoing{}.OnData, closed: func(_ *Conn, err error) { reasons <- err }}))
		pingPong(t, e.dial(s.listener), "x")
		broken := os.NewSyscallError("epoll_wait", syscall.EBADF)
		s.do(func() { s.os.failWait = func() error { return broken } })
		wait(t, s.ended, "the end of Run")
		require.ErrorIs(t, s.err, syscall.EBADF)
		require.Equal(t, ErrLoopClosed, wait(t, reasons, "OnClose"))
	})
}

func TestTurnWaitsForTheEarliestOfTimersDeadlinesAndItsLimit(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	s, _ := fakeSource(t, l, f)
	var w told
	for _, c := range []struct{ timer, deadline, limit, want time.Duration }{
		{0, 0, -1, -1},
		{0, 0, time.Second, time.Second},
		{time.Second, 0, -1, time.Second},
		{time.Second, 0, 3, 3},
		{time.Hour, time.Minute, -1, time.Minute},
		{time.Second, time.Minute, -1, time.Second},
	} {
		timer := l.NewTimer(func() {})
		if c.timer > 0 {
			timer.Reset(c.timer)
		}
		s.Cancel(In)
		s.SetDeadline(In, 0)
		if s.deadlines != nil {
			l.wheel.unset(s.deadlines)
		}
		require.NoError(t, s.Await(In, &w))
		if c.deadline > 0 {
			s.SetDeadline(In, f.now+c.deadline)
		}
		require.NoError(t, l.Turn(c.limit))
		if c.want == time.Minute { // a deadline's tick, or a coarser slot before it
			require.Positive(t, f.timeout)
			require.LessOrEqual(t, f.timeout, c.want+wheelTick, "timeout with %+v", c)
		} else {
			require.Equal(t, c.want, f.timeout, "timeout with %+v", c)
		}
		timer.Stop()
	}
}

func TestLoopAtPlacesAMomentOnItsClock(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	require.Zero(t, l.At(time.Time{}), "the zero time is none")
	require.Equal(t, time.Hour, l.At(f.epoch.Add(time.Hour)))
	require.EqualValues(t, 1, l.At(f.epoch.Add(-time.Hour)), "a moment before the epoch has passed, and is not none")
	require.Positive(t, l.At(f.epoch.AddDate(5000, 0, 0)), "a moment beyond the clock")
}

// Close, write and wake from many goroutines at once, and Stop in the midst.
func TestStopDuringEverything(t *testing.T) {
	rounds := 20
	if raceEnabled || testing.Short() {
		rounds = 5
	}
	onEveryBackend(t, func(t *testing.T, e *env) {
		for round := range rounds {
			var opened, closed atomic.Int64
			conns := make(chan *Conn, 1000)
			l, p := e.loop(Options{})
			ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(&calls{
				open: func(c *Conn) {
					opened.Add(1)
					select {
					case conns <- c:
					default:
					}
				},
				data:   echoing{}.OnData,
				closed: func(*Conn, error) { closed.Add(1) },
			}))
			require.NoError(t, err)
			address := ln.Addr().String()
			r := e.run(l, p)
			var all sync.WaitGroup
			begin := make(chan struct{}, 100)
			for range 4 {
				all.Go(func() { // peers
					for {
						select {
						case <-r.ended:
							return
						default:
						}
						c, err := net.Dial(e.network, address)
						if err != nil { // reset already, or nobody listens any more
							continue
						}
						_ = c.SetDeadline(time.Now().Add(stuck))
						_, _ = io.WriteString(c, "hello")
						_, _ = io.ReadFull(c, make([]byte, 5))
						c.Close()
						select {
						case begin <- struct{}{}:
						default:
						}
					}
				})
				all.Go(func() { // writers, closers, wakers
					for i := 0; ; i++ {
						var c *Conn
						select {
						case c = <-conns:
						default:
						}
						ran := make(chan struct{})
						err := r.Post(func() {
							defer close(ran)
							if c == nil {
								r.AfterFunc(0, func() {})
								return
							}
							_, _ = c.Write([]byte("more"))
							if i%2 == 0 {
								_ = c.Close()
							} else {
								_ = c.Abort()
							}
						})
						if err != nil {
							assert.Equal(t, ErrLoopClosed, err)
							return
						}
						if i%10 == 0 { // a flood would only fill the queue
							select {
							case <-ran:
							case <-r.ended:
							}
						}
					}
				})
			}
			for range 50 {
				wait(t, begin, "traffic")
			}
			if round%2 == 0 {
				for range 3 {
					all.Go(r.Stop)
				}
			} else {
				r.cancel()
			}
			wait(t, r.ended, "the end of Run")
			all.Wait()
			require.NoError(t, r.err)
			require.Equal(t, opened.Load(), closed.Load(), "connections opened against OnClose called")
		}
	})
}
