package reactor

import (
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

// fakeDial begins a connection that the test brings about.
func fakeDial(t *testing.T, l *Loop, f *fakeOS, o DialOptions, h Handler) (*Conn, *fakeFile) {
	c, err := l.Dial("tcp", "192.0.2.1:7", o, h)
	require.NoError(t, err)
	return c, f.files[c.src.fd]
}

func TestDialReadsWhatCameWithTheConnectsOwnEvent(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	var got []byte
	_, file := fakeDial(t, l, f, DialOptions{}, &calls{data: func(_ *Conn, b []byte) int { got = append(got, b...); return len(b) }})
	file.result = nil
	file.in = []byte("greeting")
	f.event(file, poller.Readable|poller.Writable)
	settle(t, l, f)
	require.Equal(t, "greeting", string(got), "data given to OnData")
}

func TestDialSurvivesSpuriousEvents(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	opened := 0
	_, file := fakeDial(t, l, f, DialOptions{}, &calls{open: func(*Conn) { opened++ }})
	for range 3 {
		f.event(file, poller.Writable|poller.Readable)
		settle(t, l, f)
	}
	require.Zero(t, opened, "OnOpen before the connection is established")
	file.result = nil
	f.event(file, poller.Writable)
	settle(t, l, f)
	require.Equal(t, 1, opened, "OnOpen")
}

func TestDialSurvivesAConnectThatSaysWouldBlock(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		opened := make(chan struct{})
		asked := 0
		s.do(func() {
			c, err := s.Dial(e.network, s.listener.Addr().String(), DialOptions{}, &calls{open: func(*Conn) { close(opened) }})
			require.NoError(t, err)
			s.os.failConnect = func() error {
				if asked++; asked > 3 {
					return nil
				}
				s.os.event(c.FD(), poller.Writable) // the kernel's own is spent
				return poller.ErrWouldBlock
			}
		})
		wait(t, opened, "OnOpen")
		s.do(func() { require.Equal(t, 4, asked, "times the outcome was asked for") })
	})
}

func TestDialKeepsWhatIsWrittenBeforeItIsEstablished(t *testing.T) {
	t.Run("The bytes are sent, and OnWritable is called for those above the mark", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		var order []string
		c, file := fakeDial(t, l, f, DialOptions{}, &calls{
			open:     func(c *Conn) { order = append(order, "open"); _, _ = c.Write([]byte("!")) },
			writable: func(*Conn) { order = append(order, "writable") },
		})
		want := pattern(100_000)
		n, err := c.Write(want)
		require.NoError(t, err)
		require.Equal(t, len(want), n)
		require.Equal(t, len(want), c.Unsent())
		settle(t, l, f)
		require.Empty(t, file.out, "bytes sent before the connection is established")
		file.result = nil
		f.event(file, poller.Writable)
		settle(t, l, f)
		require.Equal(t, string(want)+"!", string(file.out), "bytes sent")
		require.Equal(t, []string{"open", "writable"}, order)
	})

	t.Run("CloseWrite sends the FIN behind them", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		c, file := fakeDial(t, l, f, DialOptions{}, NopHandler{})
		_, _ = c.Write([]byte("all"))
		require.NoError(t, c.CloseWrite())
		_, err := c.Write([]byte("more"))
		require.Equal(t, io.ErrClosedPipe, err, "Write after CloseWrite")
		file.result = nil
		f.event(file, poller.Writable)
		settle(t, l, f)
		require.Equal(t, "all", string(file.out))
		require.True(t, file.fin, "FIN sent")
	})

	t.Run("On a real kernel", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			s := e.serve(ListenOptions{}, always(echoing{}))
			want := pattern(200_000)
			got := make(chan []byte, 1)
			s.do(func() {
				var all []byte
				c, err := s.Dial(e.network, s.listener.Addr().String(), DialOptions{}, &calls{
					data:   func(_ *Conn, b []byte) int { all = append(all, b...); return len(b) },
					closed: func(*Conn, error) { got <- all },
				})
				require.NoError(t, err)
				_, err = c.Write(want)
				require.NoError(t, err)
				require.NoError(t, c.CloseWrite())
			})
			require.True(t, string(want) == string(wait(t, got, "the echo of what was written before the connect")), "echo differs")
		})
	})
}

func TestDialKeepsTheDeadlineThatIsSetBeforeItIsEstablished(t *testing.T) {
	type end struct {
		opened bool
		reason error
	}
	dial := func(t *testing.T, o DialOptions) (*Loop, *fakeOS, *Conn, *fakeFile, *end) {
		l, f := newFakeLoop(t, Options{})
		var e end
		c, file := fakeDial(t, l, f, o, &calls{
			open:   func(*Conn) { e.opened = true },
			closed: func(_ *Conn, err error) { e.reason = err },
		})
		file.room = 0
		_, err := c.Write([]byte("which the peer does not take"))
		require.NoError(t, err)
		return l, f, c, file, &e
	}
	later := func(t *testing.T, l *Loop, f *fakeOS, now time.Duration) {
		f.now = now
		settle(t, l, f)
		settle(t, l, f)
	}
	establish := func(t *testing.T, l *Loop, f *fakeOS, file *fakeFile) {
		file.result = nil
		f.event(file, poller.Writable)
		settle(t, l, f)
	}

	for name, o := range map[string]DialOptions{"with a timeout of its own": {Timeout: time.Second}, "without": {}} {
		t.Run(name, func(t *testing.T) {
			l, f, c, file, e := dial(t, o)
			require.NoError(t, c.SetWriteDeadline(f.epoch.Add(10*time.Second)))
			establish(t, l, f, file)
			later(t, l, f, 10*time.Second-1)
			require.Equal(t, end{opened: true}, *e, "1 ns before the deadline")
			later(t, l, f, 10*time.Second+wheelTick)
			require.ErrorIs(t, e.reason, os.ErrDeadlineExceeded)
			require.True(t, file.closed, "descriptor closed")
		})
	}

	t.Run("the timeout stays in force", func(t *testing.T) {
		l, f, c, _, e := dial(t, DialOptions{Timeout: time.Second})
		require.NoError(t, c.SetWriteDeadline(f.epoch.Add(10*time.Second)))
		later(t, l, f, time.Second+wheelTick)
		require.ErrorIs(t, e.reason, os.ErrDeadlineExceeded)
		require.False(t, e.opened)
	})

	t.Run("before it is established the deadline closes nothing", func(t *testing.T) {
		l, f, c, file, e := dial(t, DialOptions{})
		require.NoError(t, c.SetDeadline(f.epoch.Add(time.Second)))
		later(t, l, f, 2*time.Second)
		require.Equal(t, end{}, *e, "past the deadline")
		establish(t, l, f, file)
		later(t, l, f, 2*time.Second+wheelTick)
		require.True(t, e.opened)
		require.ErrorIs(t, e.reason, os.ErrDeadlineExceeded)
	})

	t.Run("the zero time takes it back", func(t *testing.T) {
		l, f, c, file, e := dial(t, DialOptions{Timeout: time.Second})
		require.NoError(t, c.SetWriteDeadline(f.epoch.Add(2*time.Second)))
		require.NoError(t, c.SetWriteDeadline(time.Time{}))
		establish(t, l, f, file)
		later(t, l, f, time.Hour)
		require.Equal(t, end{opened: true}, *e)
	})
}

func TestDialTellsTheErrorOnce(t *testing.T) {
	type outcome struct {
		reasons []error
		opened  int
	}
	watch := func(o *outcome) Handler {
		return &calls{open: func(*Conn) { o.opened++ }, closed: func(_ *Conn, err error) { o.reasons = append(o.reasons, err) }}
	}

	t.Run("timed out", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		var o outcome
		_, file := fakeDial(t, l, f, DialOptions{Timeout: time.Second}, watch(&o))
		f.now = time.Second - 1
		settle(t, l, f)
		require.Empty(t, o.reasons, "1 ns before the timeout")
		f.now += 1 + wheelTick
		settle(t, l, f)
		settle(t, l, f)
		require.Len(t, o.reasons, 1)
		require.ErrorIs(t, o.reasons[0], os.ErrDeadlineExceeded)
		var oe *net.OpError
		require.ErrorAs(t, o.reasons[0], &oe)
		require.Equal(t, "dial", oe.Op)
		require.True(t, oe.Timeout())
		require.True(t, file.closed, "descriptor closed")
		require.Zero(t, o.opened)
	})

	t.Run("a timeout of all time is none", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		f.now = time.Hour
		turn(t, l)
		var o outcome
		fakeDial(t, l, f, DialOptions{Timeout: math.MaxInt64}, watch(&o))
		f.now = 1000 * time.Hour
		settle(t, l, f)
		require.Empty(t, o.reasons)
	})

	t.Run("given up", func(t *testing.T) {
		for want, end := range map[error]func(*Conn) error{net.ErrClosed: (*Conn).Close, ErrAborted: (*Conn).Abort} {
			l, f := newFakeLoop(t, Options{})
			var o outcome
			c, file := fakeDial(t, l, f, DialOptions{}, watch(&o))
			require.NoError(t, end(c))
			require.Empty(t, o.reasons, "OnClose from inside Close")
			file.result = nil
			f.event(file, poller.Writable)
			settle(t, l, f)
			require.Equal(t, []error{want}, o.reasons)
			require.True(t, file.closed)
			require.Zero(t, o.opened)
		}
	})

	t.Run("refused", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			l, _ := e.loop(Options{})
			// A port, or path, where somebody has listened: nobody does now.
			address := e.address()
			old, err := net.Listen(e.network, address)
			require.NoError(t, err)
			if u, ok := old.(*net.UnixListener); ok {
				u.SetUnlinkOnClose(false)
			}
			address = old.Addr().String()
			require.NoError(t, old.Close())

			var o outcome
			_, err = l.Dial(e.network, address, DialOptions{}, watch(&o))
			if err != nil { // Unix sockets say it at once
				o.reasons = append(o.reasons, err)
			}
			for len(o.reasons) == 0 {
				require.NoError(t, l.Turn(time.Second))
			}
			turn(t, l)
			require.Len(t, o.reasons, 1)
			require.ErrorIs(t, o.reasons[0], syscall.ECONNREFUSED)
			require.Zero(t, l.Stats().Conns)
		})
	})

	t.Run("an address that cannot be used", func(t *testing.T) {
		l, _ := newFakeLoop(t, Options{})
		for _, bad := range [][2]string{{"udp", "127.0.0.1:1"}, {"tcp", "127.0.0.1"}, {"tcp", "example.org:80"}, {"tcp", "127.0.0.1:99999"}, {"unix", ""}} {
			c, err := l.Dial(bad[0], bad[1], DialOptions{}, NopHandler{})
			require.Nil(t, c)
			var oe *net.OpError
			require.ErrorAs(t, err, &oe, "Dial %v", bad)
		}
	})

	t.Run("no registration", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			s := e.serve(ListenOptions{}, always(echoing{}))
			s.do(func() {
				s.os.failAdd = func() error { return os.NewSyscallError("epoll_ctl", syscall.ENOSPC) }
				_, err := s.Dial("tcp", s.listener.Addr().String(), DialOptions{}, NopHandler{})
				s.os.failAdd = nil
				require.ErrorIs(t, err, syscall.ENOSPC)
			})
		})
	})
}

func TestDialToTheUnspecifiedAddressIsToThisMachine(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		_, port, err := net.SplitHostPort(s.listener.Addr().String())
		require.NoError(t, err)
		for _, host := range []string{"", "0.0.0.0"} {
			opened := make(chan net.Addr, 1)
			s.do(func() {
				_, err := s.Dial("tcp", net.JoinHostPort(host, port), DialOptions{}, &calls{
					open: func(c *Conn) { opened <- c.RemoteAddr() },
				})
				require.NoError(t, err)
			})
			require.Equal(t, "127.0.0.1:"+port, wait(t, opened, "the connection").String(), "dialled host %q", host)
		}
	})
}

func TestDialOnALoopThatEndsIsRefused(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		address := s.listener.Addr().String()
		refused := make(chan error, 1)
		s.do(func() {
			_, err := s.Dial("tcp", address, DialOptions{}, &calls{closed: func(*Conn, error) {
				_, err := s.Dial("tcp", address, DialOptions{}, NopHandler{}) // reconnects for ever
				refused <- err
			}})
			require.NoError(t, err)
		})
		s.cancel()
		require.ErrorIs(t, wait(t, refused, "OnClose"), ErrLoopClosed, "Dial while the loop drains")
		wait(t, s.ended, "the end of Run")
		require.NoError(t, s.err)
		_, err := s.Dial("tcp", address, DialOptions{}, NopHandler{})
		require.True(t, err != nil && (errors.Is(err, ErrLoopClosed) || errors.Is(err, syscall.ECONNREFUSED)), "Dial on a closed loop: got %v", err)
	})
}
