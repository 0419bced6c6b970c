package reactor

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// ended keeps what OnClose was told.
type ended struct {
	reasons []error
	unsent  int
}

func (e *ended) on(c *Conn, err error) {
	e.reasons = append(e.reasons, err)
	e.unsent = c.Unsent()
}

var errReset = os.NewSyscallError("read", syscall.ECONNRESET)

// Every way to the end: OnClose is called once, with the reason; the descriptor
// is closed; what was queued is either written or counted as dropped.
func TestConnOnCloseComesOnceWithTheReason(t *testing.T) {
	const drain = 5 * time.Second
	for _, way := range []struct {
		name  string
		do    func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile)
		want  error // by errors.Is; nil is nil
		reset bool
	}{
		{"Close", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.Close())
			require.Equal(t, net.ErrClosed, c.Close())
			f.finish(file, io.EOF)
		}, nil, false},
		{"Close with the peer's FIN already here", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			f.finish(file, io.EOF)
		}, nil, false},
		{"Close with a peer that keeps its end open", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.Close())
			settle(t, c.Loop(), f)
			f.now += drain + wheelTick
		}, nil, false},
		{"Close with a peer that does not read", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			file.room = 10
			_, _ = c.Write(pattern(1000))
			require.NoError(t, c.Close())
			settle(t, c.Loop(), f)
			f.now += drain + wheelTick
		}, ErrDrainTimeout, true},
		{"Close and a peer that resets", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			file.room = 10
			_, _ = c.Write(pattern(1000))
			require.NoError(t, c.Close())
			f.finish(file, errReset)
		}, syscall.ECONNRESET, true},
		{"Abort", func(t *testing.T, _ *fakeOS, c *Conn, file *fakeFile) {
			file.room = 10
			_, _ = c.Write(pattern(1000))
			require.NoError(t, c.Abort())
			require.Equal(t, net.ErrClosed, c.Abort())
		}, ErrAborted, true},
		{"Abort while draining", func(t *testing.T, _ *fakeOS, c *Conn, file *fakeFile) {
			file.room = 10
			_, _ = c.Write(pattern(1000))
			require.NoError(t, c.Close())
			require.NoError(t, c.Abort())
		}, ErrAborted, true},
		{"The peer's reset", func(t *testing.T, f *fakeOS, _ *Conn, file *fakeFile) {
			f.finish(file, errReset)
		}, syscall.ECONNRESET, false},
		{"A write that fails", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			file.broken, file.end = os.NewSyscallError("write", syscall.EPIPE), io.EOF
			_, _ = c.Write(pattern(1000))
		}, syscall.EPIPE, true},
		{"A write that fails after the peer's FIN", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			c.SetHandler(&calls{eof: func(*Conn) {}, closed: c.Handler().OnClose})
			file.room = 10
			_, _ = c.Write(pattern(1000))
			f.finish(file, io.EOF)
			settle(t, c.Loop(), f)
			file.broken = os.NewSyscallError("write", syscall.ECONNRESET)
			f.event(file, poller.Readable|poller.Writable|poller.HangUp)
		}, syscall.ECONNRESET, true},
		{"A write that fails while reading is paused", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.PauseRead())
			file.broken = os.NewSyscallError("write", syscall.EPIPE)
			_, _ = c.Write(pattern(1000))
		}, syscall.EPIPE, true},
		{"Close after a write that failed", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			file.broken = os.NewSyscallError("write", syscall.EPIPE)
			_, _ = c.Write(pattern(100_000))
			require.NoError(t, c.Close())
		}, syscall.EPIPE, false},
		{"CloseWrite answered by the peer's FIN", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.CloseWrite())
			require.NoError(t, c.CloseWrite(), "second CloseWrite")
			settle(t, c.Loop(), f)
			c.SetHandler(&calls{eof: func(*Conn) {}, closed: c.Handler().OnClose})
			f.finish(file, io.EOF)
		}, nil, false},
		{"Close after CloseWrite, with a peer that keeps its end open", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.CloseWrite())
			settle(t, c.Loop(), f)
			require.True(t, file.fin)
			require.NoError(t, c.Close())
			settle(t, c.Loop(), f)
			f.now += drain + wheelTick
		}, nil, false},
		{"PauseRead after Close", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.Close())
			settle(t, c.Loop(), f)
			require.Equal(t, net.ErrClosed, c.PauseRead())
			require.Equal(t, net.ErrClosed, c.ResumeRead())
			f.finish(file, io.EOF)
		}, nil, false},
		{"PauseRead before Close", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.PauseRead())
			settle(t, c.Loop(), f)
			require.NoError(t, c.Close())
			settle(t, c.Loop(), f)
			f.finish(file, io.EOF)
		}, nil, false},
		{"The read deadline", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.SetReadDeadline(f.epoch.Add(time.Second)))
			f.now += time.Second + wheelTick
		}, os.ErrDeadlineExceeded, false},
		{"The write deadline", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			file.room = 10
			_, _ = c.Write(pattern(1000))
			require.NoError(t, c.SetDeadline(f.epoch.Add(time.Second)))
			require.NoError(t, c.SetReadDeadline(time.Time{}))
			settle(t, c.Loop(), f)
			f.now += time.Second + wheelTick
		}, os.ErrDeadlineExceeded, true},
		{"Too much unsent", func(t *testing.T, _ *fakeOS, c *Conn, file *fakeFile) {
			file.room = 10
			n, err := c.Write(pattern(200_000))
			require.ErrorIs(t, err, ErrSlowConsumer)
			require.Equal(t, 10, n, "bytes written")
		}, ErrSlowConsumer, true},
		{"Too much unsent behind a queue", func(t *testing.T, _ *fakeOS, c *Conn, file *fakeFile) {
			file.room = 10
			_, _ = c.Write(pattern(50_000))
			n, err := c.Write(pattern(70_000))
			require.ErrorIs(t, err, ErrSlowConsumer)
			require.Zero(t, n, "bytes written")
		}, ErrSlowConsumer, true},
		{"Too much unconsumed", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			c.SetHandler(&calls{data: func(*Conn, []byte) int { return 0 }, closed: c.Handler().OnClose})
			f.feed(file, string(pattern(1001)))
		}, ErrInputLimit, false},
		{"A handler that consumes more than there is", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			c.SetHandler(&calls{data: func(_ *Conn, b []byte) int { return len(b) + 1 }, closed: c.Handler().OnClose})
			f.feed(file, "x")
		}, new(PanicError), false},
		{"The end of the loop", func(t *testing.T, f *fakeOS, c *Conn, file *fakeFile) {
			require.NoError(t, c.Loop().Close())
		}, ErrLoopClosed, true},
	} {
		t.Run(way.name, func(t *testing.T) {
			l, f := newFakeLoop(t, Options{})
			var end ended
			c, file := f.conn(t, l, ConnOptions{HardLimit: 100_000, MaxUnconsumed: 1000}, &calls{closed: end.on})
			settle(t, l, f)
			way.do(t, f, c, file)
			if l.state == loopOpen {
				settle(t, l, f)
				settle(t, l, f)
				f.event(file, poller.Readable|poller.Writable|poller.HangUp) // comes too late
				settle(t, l, f)
			}
			require.Len(t, end.reasons, 1, "calls of OnClose; the connection is %v", c.state)
			reason := end.reasons[0]
			var panicked *PanicError
			switch {
			case way.want == nil:
				require.NoError(t, reason, "reason")
			case errors.As(way.want, &panicked):
				require.ErrorAs(t, reason, &panicked)
			default:
				require.ErrorIs(t, reason, way.want, "reason")
			}
			require.True(t, file.closed, "descriptor closed")
			require.Equal(t, way.reset, file.aborted, "closed with a reset")
			s := l.Stats()
			require.Zero(t, s.Conns, "connections left")
			require.Zero(t, s.Sources, "sources left")
			require.Equal(t, s.BytesQueued, s.BytesWritten+s.BytesDiscarded, "bytes queued against written %d + dropped %d", s.BytesWritten, s.BytesDiscarded)
			require.EqualValues(t, len(file.out), s.BytesWritten)
			require.LessOrEqual(t, end.unsent, int(s.BytesDiscarded), "Unsent in OnClose")
			require.Zero(t, l.wheel.len, "deadlines left")
		})
	}
}

func TestConnDrainTimeOfAllTimeIsNone(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	f.now = time.Hour
	turn(t, l)
	var end ended
	c, file := f.conn(t, l, ConnOptions{DrainTimeout: math.MaxInt64}, &calls{closed: end.on})
	file.room = 10
	_, _ = c.Write(pattern(1000))
	require.NoError(t, c.Close())
	settle(t, l, f)
	f.now += 1000 * time.Hour
	settle(t, l, f)
	require.Empty(t, end.reasons, "OnClose before all was sent")
	f.makeRoom(file, -1)
	settle(t, l, f)
	f.finish(file, io.EOF)
	settle(t, l, f)
	require.Equal(t, []error{nil}, end.reasons)
	require.Equal(t, string(pattern(1000)), string(file.out))
}

func TestClosedConnMethodsReturnErrClosedWithoutASystemCall(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		conns := make(chan *Conn, 1)
		closed := make(chan struct{})
		s := e.serve(ListenOptions{}, always(&calls{
			open:   func(c *Conn) { conns <- c },
			closed: func(*Conn, error) { close(closed) },
		}))
		e.dial(s.listener)
		c := wait(t, conns, "the connection")
		s.do(func() { require.NoError(t, c.Abort()) })
		wait(t, closed, "OnClose")
		s.do(func() {
			before := s.os.total()
			for name, err := range map[string]error{
				"Close":            c.Close(),
				"CloseWrite":       c.CloseWrite(),
				"Abort":            c.Abort(),
				"PauseRead":        c.PauseRead(),
				"ResumeRead":       c.ResumeRead(),
				"SetDeadline":      c.SetDeadline(time.Now()),
				"SetReadDeadline":  c.SetReadDeadline(time.Now()),
				"SetWriteDeadline": c.SetWriteDeadline(time.Now()),
				"SetOption":        c.SetOption(poller.NoDelay, 1),
			} {
				require.Equal(t, net.ErrClosed, err, name)
			}
			_, err := c.Write([]byte("x"))
			require.Equal(t, net.ErrClosed, err, "Write")
			_, err = c.Writev([][]byte{[]byte("x")})
			require.Equal(t, net.ErrClosed, err, "Writev")
			require.Equal(t, poller.NoFD, c.FD(), "FD")
			require.NotNil(t, c.LocalAddr())
			require.NotNil(t, c.RemoteAddr())
			require.NotEmpty(t, c.String())
			require.Equal(t, before, s.os.total(), "system calls by methods of a closed connection")
		})
	})
}

func TestCloseSendsEverythingToASlowReader(t *testing.T) {
	size := 64 << 20
	if raceEnabled || testing.Short() {
		size = 16 << 20
	}
	onEveryBackend(t, func(t *testing.T, e *env) {
		want := pattern(size)
		reasons := make(chan error, 1)
		s := e.serve(ListenOptions{Conn: ConnOptions{HardLimit: size, DrainTimeout: stuck}}, always(&calls{
			open: func(c *Conn) {
				n, err := c.Write(want)
				require.NoError(t, err)
				require.Equal(t, size, n)
				require.NoError(t, c.Close())
			},
			closed: func(_ *Conn, err error) { reasons <- err },
		}))
		c := e.dial(s.listener)
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "got %d bytes or others, want %d", len(got), len(want))
		require.NoError(t, c.Close())
		require.NoError(t, wait(t, reasons, "OnClose"))
	})
}

func TestCloseTellsThatAReaderWasTooSlow(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		reasons := make(chan error, 1)
		unsent := make(chan int, 1)
		s := e.serve(ListenOptions{Conn: ConnOptions{HardLimit: 64 << 20, DrainTimeout: 20 * time.Millisecond}}, always(&calls{
			open: func(c *Conn) {
				_, _ = c.Write(make([]byte, 32<<20))
				_ = c.Close()
			},
			closed: func(c *Conn, err error) { unsent <- c.Unsent(); reasons <- err },
		}))
		c := e.dial(s.listener) // and does not read
		require.ErrorIs(t, wait(t, reasons, "OnClose"), ErrDrainTimeout)
		require.Positive(t, wait(t, unsent, "Unsent"), "unsent bytes")
		_, err := io.Copy(io.Discard, c)
		if e.network == "tcp" {
			require.ErrorIs(t, err, syscall.ECONNRESET, "what the peer reads behind a stream that was cut")
		}
	})
}

func TestAbortGivesThePeerAReset(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(&calls{data: func(c *Conn, b []byte) int { _ = c.Abort(); return len(b) }}))
		c := e.dial(s.listener)
		_, err := io.WriteString(c, "go away")
		require.NoError(t, err)
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET, "Read of the peer")
	})
}

// A FIN behind a part of a stream would tell the peer that this was all.
func TestConnThatDropsOutputResetsThePeer(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{Conn: ConnOptions{HardLimit: 1 << 20}}, always(&calls{data: func(c *Conn, b []byte) int {
			for {
				if _, err := c.Write(make([]byte, 100_000)); err != nil {
					require.ErrorIs(t, err, ErrSlowConsumer)
					return len(b)
				}
			}
		}}))
		c := e.dial(s.listener)
		_, err := io.WriteString(c, "go")
		require.NoError(t, err)
		s.until("the end of the connection", func() bool { return s.Stats().Accepted == 1 && s.Stats().Conns == 0 })
		_, err = io.Copy(io.Discard, c)
		require.ErrorIs(t, err, syscall.ECONNRESET, "what the peer reads behind a stream that was cut")
	})
}
