package reactor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
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

// t.FailNow in a handler is a Goexit.
func TestGoexitInACallbackEndsRunCleanly(t *testing.T) {
	exit := func() { runtime.Goexit() }
	for name, h := range map[string]*calls{
		"OnData":           {data: func(*Conn, []byte) int { exit(); return 0 }},
		"OnClose":          {data: func(c *Conn, b []byte) int { _ = c.Abort(); return len(b) }, closed: func(*Conn, error) { exit() }},
		"OnClose, at Stop": {data: func(c *Conn, b []byte) int { c.Loop().Stop(); return len(b) }, closed: func(*Conn, error) { exit() }},
		"a posted function": {data: func(c *Conn, b []byte) int {
			_ = c.Loop().Post(exit)
			return len(b)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				closed := map[*Conn]int{}
				s := e.serve(ListenOptions{}, always(&calls{
					data: h.data,
					closed: func(c *Conn, err error) {
						closed[c]++
						if h.closed != nil {
							h.closed(c, err)
						}
					}}))
				peers := []net.Conn{e.dial(s.listener), e.dial(s.listener), e.dial(s.listener)}
				s.until("the connections", func() bool { return s.Stats().Conns == 3 })
				_, err := io.WriteString(peers[1], "x")
				require.NoError(t, err)
				wait(t, s.ended, "the end of the loop's goroutine")
				require.Len(t, closed, 3, "connections that were told")
				for _, n := range closed {
					require.Equal(t, 1, n, "calls of OnClose of one connection")
				}
				require.Equal(t, ErrLoopClosed, s.Post(func() {}))
				for _, c := range peers {
					_, err := c.Read(make([]byte, 1))
					require.Error(t, err, "Read of a peer")
					require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "Read of a peer")
				}
			})
		})
	}
}

func TestPanicCostsOneConnection(t *testing.T) {
	boom := errors.New("boom")
	bang := func() { panic(boom) }
	type setup struct {
		handler  *calls
		newConn  func() // in the handler function
		andClose bool   // OnClose comes after the panic, with it as the reason
	}
	for where, s := range map[string]setup{
		"OnOpen":               {&calls{open: func(*Conn) { bang() }}, nil, true},
		"OnData":               {&calls{data: func(*Conn, []byte) int { bang(); return 0 }}, nil, true},
		"OnEOF":                {&calls{eof: func(*Conn) { bang() }}, nil, true},
		"OnWritable":           {&calls{data: func(c *Conn, b []byte) int { overHighWater(c); return len(b) }, writable: func(*Conn) { bang() }}, nil, true},
		"OnClose":              {&calls{data: func(c *Conn, b []byte) int { _ = c.Abort(); return 0 }, closed: func(*Conn, error) { bang() }}, nil, false},
		"the handler function": {&calls{}, bang, false},
	} {
		t.Run(where, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				reasons := make(chan error, 1)
				var log lockedBuffer
				var bad atomic.Bool
				bad.Store(true)
				srv := e.serveWith(Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, ListenOptions{}, func(*Conn) Handler {
					if !bad.Swap(false) {
						return echoing{}
					}
					if s.newConn != nil {
						s.newConn()
					}
					h := *s.handler
					h.closed = func(c *Conn, err error) {
						reasons <- err
						if s.handler.closed != nil {
							s.handler.closed(c, err)
						}
					}
					return &h
				})
				if c, err := net.Dial(e.network, srv.listener.Addr().String()); err == nil {
					_ = c.SetDeadline(time.Now().Add(stuck))
					_, _ = io.WriteString(c, "hello")
					if where == "OnEOF" {
						_ = c.(interface{ CloseWrite() error }).CloseWrite()
					}
					if where == "OnWritable" {
						srv.until("the high-water mark", func() bool { return srv.Stats().BytesQueued > 0 })
					}
					_, err := io.Copy(io.Discard, c)
					require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the connection is closed")
					c.Close()
				}
				if s.andClose {
					reason := wait(t, reasons, "OnClose")
					require.ErrorIs(t, reason, boom)
					var p *PanicError
					require.ErrorAs(t, reason, &p)
					require.Contains(t, string(p.Stack), "loop_test.go", "stack of the panic")
				}
				next := e.dial(srv.listener)
				pingPong(t, next, "the loop and the listener live")
				srv.do(func() {
					require.EqualValues(t, 1, srv.Stats().Panics)
					require.Equal(t, 1, srv.Stats().Conns, "connections left")
					require.Nil(t, srv.active)
				})
				require.Contains(t, log.String(), "boom", "the log")
			})
		})
	}

	t.Run("or nothing, in a timer and in a posted function", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		_, file := f.conn(t, l, ConnOptions{}, echoing{})
		ran := 0
		l.AfterFunc(0, bang)
		l.AfterFunc(0, func() { ran++ })
		require.NoError(t, l.Post(bang))
		require.NoError(t, l.Post(func() { panic(nil) }))
		require.NoError(t, l.Post(func() { ran++ }))
		f.feed(file, "x")
		settle(t, l, f)
		require.Equal(t, 2, ran, "what came after the panics")
		require.Equal(t, "x", string(file.out))
		require.EqualValues(t, 3, l.Stats().Panics)
		require.Equal(t, 1, l.Stats().Conns)
	})
}

// lockedBuffer is a log that is written and read by different goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestFirehoseDoesNotStarveOthers(t *testing.T) {
	t.Run("A connection reads no more than its budget in a turn", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		l.poison = false // a gigabyte passes through
		_, hose := f.conn(t, l, ConnOptions{}, NopHandler{})
		hose.endless = true
		f.event(hose, poller.Readable)
		var pingers []*fakeFile
		for range 200 {
			_, file := f.conn(t, l, ConnOptions{}, echoing{})
			pingers = append(pingers, file)
		}
		for n := range 30 {
			before := l.Stats().BytesRead
			for _, p := range pingers {
				f.feed(p, "ping")
			}
			turn(t, l)
			for _, p := range pingers {
				require.Len(t, p.out, 4*(n+1), "bytes echoed to a pinger after turn %d", n)
			}
			require.LessOrEqual(t, l.Stats().BytesRead-before, uint64(256<<10+64<<10+200*4), "bytes read in a turn")
		}
		require.Greater(t, l.Stats().BytesRead, uint64(30*256<<10), "bytes of the firehose, which raised one event")
	})

	t.Run("Neither does one that pauses and resumes itself", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		l.poison = false // a gigabyte passes through
		_, hose := f.conn(t, l, ConnOptions{}, &calls{data: func(c *Conn, b []byte) int {
			_ = c.PauseRead()
			_ = c.ResumeRead()
			return len(b)
		}})
		hose.endless = true
		f.event(hose, poller.Readable)
		for range 30 {
			before := l.Stats().BytesRead
			turn(t, l)
			require.LessOrEqual(t, l.Stats().BytesRead-before, uint64(256<<10+64<<10), "bytes read in a turn")
		}
	})

	t.Run("On a real kernel", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			s := e.serve(ListenOptions{}, always(echoing{}))
			sink := e.dial(s.listener)
			var all sync.WaitGroup
			all.Go(func() {
				p := make([]byte, 1<<20)
				for {
					if _, err := sink.Write(p); err != nil {
						return
					}
				}
			})
			all.Go(func() {
				p := make([]byte, 1<<20)
				for {
					if _, err := sink.Read(p); err != nil {
						return
					}
				}
			})
			var pingers []net.Conn
			for range 50 {
				pingers = append(pingers, e.dial(s.listener))
			}
			for range 10 {
				for _, p := range pingers {
					_, err := io.WriteString(p, "ping")
					require.NoError(t, err)
				}
				for _, p := range pingers {
					_, err := io.ReadFull(p, make([]byte, 4))
					require.NoError(t, err, "a pinger beside a firehose")
				}
			}
			sink.Close()
			all.Wait()
		})
	})
}

func TestFunctionThatPostsItselfDoesNotStarveConnections(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		var again func()
		stop := false
		again = func() {
			if !stop {
				require.NoError(t, s.Post(again))
			}
		}
		var task runFunc
		task = func() {
			if !stop {
				s.Schedule(task)
			}
		}
		require.NoError(t, s.Post(again))
		s.do(func() { s.Schedule(task) })
		c := e.dial(s.listener)
		for range 100 {
			pingPong(t, c, "ping")
		}
		s.do(func() { stop = true })
	})
}

func TestFunctionsOverTheBudgetRunInTheNextTurnWithoutASleep(t *testing.T) {
	l, f := newFakeLoop(t, Options{Limits: Limits{TasksPerTurn: 10}})
	ran := 0
	for range 25 {
		require.NoError(t, l.Post(func() { ran++ }))
	}
	for _, want := range []int{10, 20, 25} {
		require.NoError(t, l.Turn(-1))
		require.Equal(t, want, ran, "functions run")
		if want < 25 {
			require.Zero(t, f.timeout, "timeout with functions left over")
		}
	}
	require.EqualValues(t, -1, f.timeout)
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
