package models

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/reactor"
)

// A switch by I/O: one writes a byte to a socket, the other one, which waits for
// it, runs. Both write and read, so the figure, half a round trip, holds a write, a
// wake-up, and a read. All sockets are of AF_UNIX.
//
//	process, thread   a blocking read
//	goroutine         net.Conn, by the runtime's poller
//	task              coro.Conn, on one loop
//	callback          reactor.Conn, on one loop

// socketPair makes two connected ones.
func socketPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "probe"), os.NewFile(uintptr(fds[1]), "other"), nil
}

func wakeProcesses(least time.Duration) (float64, error) {
	a, b, err := socketPair()
	if err != nil {
		return 0, err
	}
	defer a.Close()
	u, err := startUnit("wake", b)
	b.Close()
	if err != nil {
		return 0, err
	}
	defer rawThreads()()
	ns, err := wakeRounds(a, least)
	if err != nil {
		return 0, err
	}
	return ns, u.wait()
}

func wakeThreads(least time.Duration) (float64, error) {
	a, b, err := socketPair()
	if err != nil {
		return 0, err
	}
	defer a.Close()
	defer rawThreads()()
	go func() {
		runtime.LockOSThread()
		wakeOther(int(b.Fd()))
		b.Close()
	}()
	return wakeRounds(a, least)
}

// wakeRounds is the probe's side. It ends the other one.
func wakeRounds(file *os.File, least time.Duration) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	fd := int(file.Fd())
	var p [1]byte
	round := func() error {
		if !rawByte(unix.SYS_WRITE, fd, &p) || !rawByte(unix.SYS_READ, fd, &p) {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	if err := round(); err != nil { // the other side is there
		return 0, err
	}
	ns, err := perUnit(least, func(n int) (time.Duration, error) {
		return timed(func() error {
			for range n {
				if err := round(); err != nil {
					return err
				}
			}
			return nil
		})
	})
	_ = unix.Shutdown(fd, unix.SHUT_WR)
	return ns / 2, err
}

// wakeOther sends every byte back, to the end.
func wakeOther(fd int) {
	var p [1]byte
	for rawByte(unix.SYS_READ, fd, &p) && rawByte(unix.SYS_WRITE, fd, &p) {
	}
}

func wakeUnit() error {
	if err := unix.SetNonblock(inherited, false); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	runtime.LockOSThread()
	wakeOther(inherited)
	return nil
}

func wakeGoroutines(least time.Duration) (float64, error) {
	a, b, err := socketPair()
	if err != nil {
		return 0, err
	}
	near, err := fileConn(a)
	if err != nil {
		b.Close()
		return 0, err
	}
	defer near.Close()
	far, err := fileConn(b)
	if err != nil {
		return 0, err
	}
	go func() {
		defer far.Close()
		for p := make([]byte, 1); sendBack(far, p) == nil; {
		}
	}()
	ns, err := roundTrips(near, least)
	return ns / 2, err
}

// fileConn is file as a connection of package net; it closes the file.
func fileConn(file *os.File) (net.Conn, error) {
	defer file.Close()
	return net.FileConn(file)
}

func sendBack(c net.Conn, p []byte) error {
	if _, err := c.Read(p); err != nil {
		return err
	}
	_, err := c.Write(p)
	return err
}

// roundTrips is what one takes, of a byte to the other side and back.
func roundTrips(c net.Conn, least time.Duration) (float64, error) {
	p := make([]byte, 1)
	return perUnit(least, func(n int) (time.Duration, error) {
		return timed(func() error {
			for range n {
				if _, err := c.Write(p); err != nil {
					return err
				}
				if _, err := c.Read(p); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// withSocketPath gives fn the path of a socket to listen on.
func withSocketPath(fn func(path string) error) error {
	dir, err := os.MkdirTemp("", "weft-models-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return fn(filepath.Join(dir, "s"))
}

func wakeTasks(least time.Duration) (ns float64, err error) {
	err = withSocketPath(func(path string) error {
		return coro.Run(context.Background(), func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "unix", path)
			if err != nil {
				return err
			}
			return coro.WithScope(ctx, func(s *coro.Scope) error {
				err := s.Daemon(func(ctx context.Context) error {
					return coro.Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
						for p := make([]byte, 1); sendBack(c, p) == nil; {
						}
						return nil
					})
				})
				if err != nil {
					return err
				}
				c, err := coro.Dial(ctx, "unix", path)
				if err != nil {
					return err
				}
				ns, err = roundTrips(c, least)
				c.Close()
				ln.Close()
				return err
			})
		})
	})
	return ns / 2, err
}

func wakeCallbacks(least time.Duration) (float64, error) {
	ns, err := perUnit(least, func(n int) (took time.Duration, err error) {
		err = withSocketPath(func(path string) error {
			l, err := reactor.NewLoop(reactor.Options{})
			if err != nil {
				return err
			}
			h := &caller{left: n}
			_, err = l.Listen("unix", path, reactor.ListenOptions{}, func(*reactor.Conn) reactor.Handler { return returner{} })
			if err == nil {
				_, err = l.Dial("unix", path, reactor.DialOptions{}, h)
			}
			if err != nil {
				_ = l.Close()
				return err
			}
			err = l.Run(context.Background())
			took = h.took
			return err
		})
		return took, err
	})
	return ns / 2, err
}

// returner sends back what it is sent.
type returner struct{ reactor.NopHandler }

func (returner) OnData(c *reactor.Conn, data []byte) int {
	_, _ = c.Write(data) // an error has closed the connection
	return len(data)
}

// caller sends a byte for every one that comes, and stops the loop after the last.
type caller struct {
	reactor.NopHandler
	left  int
	began time.Time
	took  time.Duration
}

func (h *caller) OnOpen(c *reactor.Conn) {
	h.began = time.Now()
	_, _ = c.Write([]byte{0})
}

func (h *caller) OnData(c *reactor.Conn, data []byte) int {
	if h.left--; h.left == 0 {
		h.took = time.Since(h.began)
		c.Loop().Stop()
		return len(data)
	}
	_, _ = c.Write(data)
	return len(data)
}
