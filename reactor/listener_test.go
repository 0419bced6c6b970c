package reactor

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var errNoFiles = &tooManyFiles{}

// tooManyFiles is what Accept returns with EMFILE.
type tooManyFiles struct{}

func (*tooManyFiles) Error() string   { return "accept: too many open files" }
func (*tooManyFiles) Unwrap() []error { return []error{poller.ErrTooManyFiles, syscall.EMFILE} }

func TestListenerSurvivesTheWantOfDescriptors(t *testing.T) {
	t.Run("It neither spins nor gives up", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		_, queue := f.listen(t, l, ListenOptions{}, always(echoing{}))
		_, other := f.conn(t, l, ConnOptions{}, echoing{})
		f.acceptError = errNoFiles
		f.arrive(queue, 3)
		// An hour of it, in steps of a millisecond for the first minute: at
		// most one try in each second, and a few quick ones at first.
		for range 60_000 {
			f.now += time.Millisecond
			turn(t, l)
		}
		require.Less(t, f.acceptCalls, 75, "accept calls in a minute without descriptors")
		require.Greater(t, f.acceptCalls, 55, "accept calls in a minute without descriptors")
		f.feed(other, "hello")
		settle(t, l, f)
		require.Equal(t, "hello", string(other.out), "an existing connection is served")
		f.acceptError = nil
		f.now += time.Second
		settle(t, l, f)
		require.EqualValues(t, 3, l.Stats().Accepted, "connections accepted once there were descriptors, without a new event")
		f.arrive(queue, 1)
		settle(t, l, f)
		require.EqualValues(t, 4, l.Stats().Accepted, "connections accepted later")
	})

	t.Run("It goes on as soon as a connection has closed", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		_, queue := f.listen(t, l, ListenOptions{}, always(echoing{}))
		f.arrive(queue, 1)
		settle(t, l, f)
		c := l.conns.first
		f.acceptError = errNoFiles
		f.arrive(queue, 1)
		settle(t, l, f)
		f.acceptError = nil
		require.NoError(t, c.Abort())
		settle(t, l, f)
		require.EqualValues(t, 2, l.Stats().Accepted, "connections accepted, without time passing")
	})

}

func TestListenerTakesABoundedNumberOfConnectionsInATurn(t *testing.T) {
	l, f := newFakeLoop(t, Options{Limits: Limits{AcceptsPerTurn: 10}})
	_, queue := f.listen(t, l, ListenOptions{}, always(echoing{}))
	f.arrive(queue, 95)
	for want := uint64(10); want <= 90; want += 10 {
		require.NoError(t, l.Turn(-1))
		require.Equal(t, want, l.Stats().Accepted, "connections accepted after a turn more")
		if want > 10 {
			require.Zero(t, f.timeout, "timeout with connections left over")
		}
	}
	settle(t, l, f)
	require.EqualValues(t, 95, l.Stats().Accepted, "connections accepted, with one event")
}

func TestListenerLosesNoConnectionOfABurst(t *testing.T) {
	burst := 4000
	if raceEnabled || testing.Short() {
		burst = 1000
	}
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		var all sync.WaitGroup
		errs := make(chan error, burst)
		for range 8 {
			all.Go(func() {
				for range burst / 8 {
					c, err := net.Dial(e.network, s.listener.Addr().String())
					if errors.Is(err, syscall.EAGAIN) { // a Unix listener's queue is full
						continue
					}
					if err == nil {
						_ = c.SetDeadline(time.Now().Add(stuck))
						_, err = io.WriteString(c, "x")
						if err == nil {
							_, err = io.ReadFull(c, make([]byte, 1))
						}
						c.Close()
					}
					if err != nil {
						errs <- err
					}
				}
			})
		}
		all.Wait()
		require.Empty(t, errs, "connections that failed")
		s.until("all connections to be gone", func() bool { return s.Stats().Conns == 0 && s.listener.Conns() == 0 })
	})
}

func TestListenerPassesOverConnectionsThatDiedInItsQueue(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{})
		ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(echoing{}))
		require.NoError(t, err)
		for range 50 {
			c := e.dial(ln)
			if tcp, ok := c.(*net.TCPConn); ok {
				require.NoError(t, tcp.SetLinger(0))
			}
			require.NoError(t, c.Close())
		}
		live := e.dial(ln)
		e.run(l, p)
		pingPong(t, live, "hello")
	})
}

func TestListenerLimitPausesAccepting(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{MaxConns: 2}, always(echoing{}))
		first, second := e.dial(s.listener), e.dial(s.listener)
		pingPong(t, first, "1")
		pingPong(t, second, "2")
		third := e.dial(s.listener) // waits in the kernel's queue
		_, err := io.WriteString(third, "3")
		require.NoError(t, err)
		s.until("the pause", func() bool { return s.listener.state == listenerPaused })
		require.Equal(t, 2, s.listener.Conns(), "connections at the limit")
		require.NoError(t, first.Close())
		got := make([]byte, 1)
		_, err = io.ReadFull(third, got)
		require.NoError(t, err, "the third connection, after the first one has closed")
		require.Equal(t, "3", string(got))
		require.Equal(t, 2, s.listener.Conns())
	})
}

func TestListenerLimitAcceptsAndCloses(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{MaxConns: 1, OverLimit: AcceptAndClose}, always(echoing{}))
		first := e.dial(s.listener)
		pingPong(t, first, "1")
		for range 10 {
			c, err := net.Dial(e.network, s.listener.Addr().String())
			if err == nil { // or the reset was quicker
				_, err = io.ReadFull(c, make([]byte, 1))
				c.Close()
			}
			require.Error(t, err, "a connection over the limit")
		}
		s.until("the count", func() bool { return s.Stats().Refused == 10 })
		require.NoError(t, first.Close())
		s.until("room", func() bool { return s.listener.Conns() == 0 })
		pingPong(t, e.dial(s.listener), "again")
	})
}

func TestListenerClose(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		c := e.dial(s.listener)
		pingPong(t, c, "before")
		s.do(func() {
			require.NoError(t, s.listener.Close())
			require.Equal(t, net.ErrClosed, s.listener.Close(), "second Close")
		})
		pingPong(t, c, "accepted connections go on")
		_, err := net.Dial(e.network, s.listener.Addr().String())
		require.Error(t, err, "a connection to a closed listener")
		s.do(func() {
			ln, err := s.Listen(e.network, s.listener.Addr().String(), ListenOptions{}, always(echoing{}))
			require.NoError(t, err, "a new listener at once, with connections of the old one open")
			require.NoError(t, ln.Close())
		})
	})

	t.Run("inside the handler function", func(t *testing.T) {
		l, f := newFakeLoop(t, Options{})
		var ln *Listener
		ln, queue := f.listen(t, l, ListenOptions{}, func(*Conn) Handler { _ = ln.Close(); return echoing{} })
		f.arrive(queue, 5)
		settle(t, l, f)
		require.EqualValues(t, 1, l.Stats().Accepted, "connections accepted")
		require.True(t, queue.closed)
	})
}

func TestListenPortInUseIsAClearError(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		l, _ := e.loop(Options{})
		ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(echoing{}))
		require.NoError(t, err)
		_, err = l.Listen(e.network, ln.Addr().String(), ListenOptions{}, always(echoing{}))
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		var oe *net.OpError
		require.ErrorAs(t, err, &oe)
		require.Equal(t, "listen", oe.Op)
		require.Equal(t, 1, l.Stats().Sources, "sources")
	})
}

func TestListenUnixPathRules(t *testing.T) {
	onNetworks(t, []string{"unix"}, func(t *testing.T, e *env) {
		l, p := e.loop(Options{})
		listen := func(path string) (*Listener, error) {
			return l.Listen("unix", path, ListenOptions{}, always(echoing{}))
		}

		t.Run("A directory and a file are not deleted", func(t *testing.T) {
			dir, file := e.address(), e.address()
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.WriteFile(file, []byte("precious"), 0o600))
			for _, path := range []string{dir, file} {
				_, err := listen(path)
				require.ErrorIs(t, err, poller.ErrPathInUse)
				_, err = os.Lstat(path)
				require.NoError(t, err, "what was in the way is still there")
			}
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, "precious", string(content))
		})

		t.Run("A socket somebody listens at is not taken over", func(t *testing.T) {
			path := e.address()
			other, err := net.Listen("unix", path)
			require.NoError(t, err)
			defer other.Close()
			_, err = listen(path)
			require.ErrorIs(t, err, poller.ErrPathInUse)
			c, err := net.Dial("unix", path)
			require.NoError(t, err, "the other listener still answers")
			c.Close()
		})

		t.Run("A dead socket is taken over, and removed by Close", func(t *testing.T) {
			path := e.address()
			dead, err := net.Listen("unix", path)
			require.NoError(t, err)
			dead.(*net.UnixListener).SetUnlinkOnClose(false)
			require.NoError(t, dead.Close())
			ln, err := listen(path)
			require.NoError(t, err)
			require.NoError(t, ln.Close())
			_, err = os.Lstat(path)
			require.ErrorIs(t, err, os.ErrNotExist)
		})

		t.Run("A path that is somebody else's by now is left alone", func(t *testing.T) {
			path := e.address()
			ln, err := listen(path)
			require.NoError(t, err)
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, ln.Close())
			_, err = os.Lstat(path)
			require.NoError(t, err)
		})

		t.Run("A listener that fails to start leaves no path", func(t *testing.T) {
			path := e.address()
			p.failAdd = func() error { return os.NewSyscallError("epoll_ctl", syscall.ENOSPC) }
			_, err := listen(path)
			p.failAdd = nil
			require.ErrorIs(t, err, syscall.ENOSPC)
			_, err = os.Lstat(path)
			require.ErrorIs(t, err, os.ErrNotExist)
		})
	})
}

func TestListenerDropsAConnectionItCannotRegister(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{MaxConns: 1}, always(echoing{}))
		failed := make(chan struct{})
		s.do(func() {
			s.os.failAdd = func() error {
				s.os.failAdd = nil
				close(failed)
				return os.NewSyscallError("epoll_ctl", syscall.ENOSPC)
			}
		})
		bad, err := net.Dial(e.network, s.listener.Addr().String())
		if err == nil {
			_, err = io.ReadFull(bad, make([]byte, 1))
			bad.Close()
		}
		require.Error(t, err, "a connection that could not be registered")
		wait(t, failed, "the failed registration")
		pingPong(t, e.dial(s.listener), "the next one")
	})
}
