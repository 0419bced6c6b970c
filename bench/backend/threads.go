//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package backend

import (
	"context"
	"maps"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// maxThreads is how many threads the Go runtime may create before it ends the
// process; 10 000 by default.
//
// Bound: Linux numbers processes and threads up to 32 768 together
// (kernel.pid_max), so that more cannot exist on a machine as it comes.
const maxThreads = 32_000

// serveThreads is the model of the textbooks: a thread per connection, asleep
// in a blocking read. The sockets never meet Go's poller.
func serveThreads(ctx context.Context, c Config) error {
	debug.SetMaxThreads(maxThreads)
	ln, addr, err := listen(c.Addr)
	if err != nil {
		return err
	}
	t := &threads{open: map[int]bool{}, workload: c.Workload}
	defer context.AfterFunc(ctx, func() { wakeAccept(addr) })()
	c.Ready(addr)
	err = t.accept(ctx, ln)
	unix.Close(ln)
	t.shutdown()
	return err
}

// threads knows the open connections, because a thread in a blocking read can
// only be woken through its socket.
type threads struct {
	mu   sync.Mutex
	open map[int]bool
	// news lets one member of a room at a time write to all.
	news     sync.Mutex
	workload Workload
	running  sync.WaitGroup
}

func (t *threads) accept(ctx context.Context, ln int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		fd, _, err := unix.Accept(ln)
		if ctx.Err() != nil {
			if err == nil {
				unix.Close(fd)
			}
			return nil
		}
		switch err {
		case nil:
		case unix.EINTR, unix.ECONNABORTED:
			continue
		default:
			return os.NewSyscallError("accept", err)
		}
		unix.CloseOnExec(fd)
		t.mu.Lock()
		t.open[fd] = true
		t.mu.Unlock()
		t.running.Go(func() { t.serve(fd) })
	}
}

// serve never unlocks its thread, so that the thread ends with the connection,
// as it would in C.
func (t *threads) serve(fd int) {
	runtime.LockOSThread()
	t.answerAll(fd)
	// Not deferred: of a panic the peers see one thing, the end of the process.
	t.news.Lock()
	defer t.news.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, fd)
	unix.Close(fd)
}

// answerAll returns at the connection's end.
func (t *threads) answerAll(fd int) {
	buf := make([]byte, connBuffer)
	kept := 0 // bytes of a message that is not whole
	for {
		n, err := unix.Read(fd, buf[kept:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		consumed, alive := t.answer(fd, buf[:kept+n])
		if !alive {
			return
		}
		rest := buf[consumed : kept+n]
		if kept+n == len(buf) {
			buf = larger(buf)
		}
		kept = copy(buf, rest)
	}
}

// answer consumes what it can of data, and reports whether the connection is alive.
func (t *threads) answer(fd int, data []byte) (consumed int, alive bool) {
	switch t.workload {
	case Slow:
		for ; len(data)-consumed >= SlowSize; consumed += SlowSize {
			message := data[consumed : consumed+SlowSize]
			if work := workOf(message); work != nil {
				work()
			}
			if !writeAll(fd, message) {
				return consumed, false
			}
		}
		return consumed, true
	case Room:
		t.toAll(data)
		return len(data), true
	}
	return len(data), writeAll(fd, data)
}

// toAll writes to every member of the room. A descriptor that is closed meanwhile,
// and is another connection's then, would get the rest: so it is closed under news.
func (t *threads) toAll(data []byte) {
	t.news.Lock()
	defer t.news.Unlock()
	t.mu.Lock()
	all := slices.Collect(maps.Keys(t.open))
	t.mu.Unlock()
	for _, fd := range all {
		_ = writeAll(fd, data)
	}
}

func writeAll(fd int, p []byte) bool {
	for len(p) > 0 {
		n, err := unix.Write(fd, p)
		if err != nil && err != unix.EINTR {
			return false
		}
		p = p[max(n, 0):]
	}
	return true
}

// shutdown wakes every thread with an end of stream and waits for them.
func (t *threads) shutdown() {
	t.mu.Lock()
	for fd := range t.open {
		_ = unix.Shutdown(fd, unix.SHUT_RDWR)
	}
	t.mu.Unlock()
	t.running.Wait()
}

// wakeAccept makes a blocking accept return by giving it a connection: the
// only way that works on every system. If the connection fails, because the
// queue is full, accept returns for those in the queue.
func wakeAccept(addr string) {
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
	}
}
