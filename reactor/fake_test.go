package reactor

import (
	"io"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// fakeOS is the dumbest operating system a loop can run on: files are byte
// slices, events are what the test says, and time is a number that the test
// counts up. It is for what a real kernel does not do on demand.
type fakeOS struct {
	noDatagrams
	now     time.Duration
	epoch   time.Time
	files   map[poller.FD]*fakeFile
	next    poller.FD
	events  []poller.Event
	timeout time.Duration // of the last Wait

	acceptError error // what Accept returns
	acceptCalls int
}

type fakeFile struct {
	token   poller.Token
	in      []byte
	end     error // what Read returns behind in; nil is ErrWouldBlock
	endless bool  // Read always fills the buffer
	out     []byte
	room    int   // bytes Write takes before it would block; negative: no limit
	broken  error // what Write returns
	queue   []poller.FD
	fin     bool
	aborted bool
	closed  bool
	result  error // of a connect
}

func newFakeOS() *fakeOS {
	return &fakeOS{epoch: time.Now(), files: make(map[poller.FD]*fakeFile), next: 100}
}

// newFakeLoop is a loop on a fakeOS, stepped by hand.
func newFakeLoop(t testing.TB, o Options) (*Loop, *fakeOS) {
	t.Helper()
	f := newFakeOS()
	o.OS, o.Logger, o.PoisonBuffers = f, quiet, true
	l, err := NewLoop(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l, f
}

func (f *fakeOS) open() (poller.FD, *fakeFile) {
	f.next++
	file := &fakeFile{room: -1}
	f.files[f.next] = file
	return f.next, file
}

// conn puts an established connection on the loop.
func (f *fakeOS) conn(t testing.TB, l *Loop, o ConnOptions, h Handler) (*Conn, *fakeFile) {
	t.Helper()
	fd, file := f.open()
	c, err := l.newConn(fd, fakePeer, o.withDefaults(), connOpen)
	require.NoError(t, err)
	c.handler = h
	c.open()
	return c, file
}

var fakePeer = poller.Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 7)}

// listen opens a listener, arrive puts connections into its queue.
func (f *fakeOS) listen(t testing.TB, l *Loop, o ListenOptions, handler func(*Conn) Handler) (*Listener, *fakeFile) {
	t.Helper()
	ln, err := l.Listen("tcp", "192.0.2.1:7", o, handler)
	require.NoError(t, err)
	return ln, f.files[ln.src.fd]
}

func (f *fakeOS) arrive(listener *fakeFile, n int) {
	for range n {
		fd, _ := f.open()
		listener.queue = append(listener.queue, fd)
	}
	f.event(listener, poller.Readable)
}

func (f *fakeOS) event(file *fakeFile, r poller.Readiness) {
	f.events = append(f.events, poller.Event{Token: file.token, Ready: r})
}

func (f *fakeOS) feed(file *fakeFile, s string) {
	file.in = append(file.in, s...)
	f.event(file, poller.Readable)
}

func (f *fakeOS) finish(file *fakeFile, err error) {
	file.end = err
	f.event(file, poller.Readable|poller.HangUp)
}

func (f *fakeOS) makeRoom(file *fakeFile, n int) {
	file.room = n
	f.event(file, poller.Writable)
}

func (f *fakeOS) Add(fd poller.FD, t poller.Token) error {
	f.files[fd].token = t
	return nil
}
func (f *fakeOS) Remove(poller.FD) error                        { return nil }
func (f *fakeOS) Rearm(poller.FD, poller.Readiness)             {}
func (f *fakeOS) Wake() error                                   { return nil }
func (f *fakeOS) Close() error                                  { return nil }
func (f *fakeOS) Now() time.Duration                            { return f.now }
func (f *fakeOS) Epoch() time.Time                              { return f.epoch }
func (f *fakeOS) ConnectResult(fd poller.FD) error              { return f.files[fd].result }
func (f *fakeOS) CloseWrite(fd poller.FD) error                 { f.files[fd].fin = true; return nil }
func (f *fakeOS) CloseRead(fd poller.FD) error                  { f.files[fd].end = io.EOF; return nil }
func (f *fakeOS) CloseFD(fd poller.FD) error                    { f.files[fd].closed = true; return nil }
func (f *fakeOS) Option(poller.FD, poller.Option) (int, error)  { return 0, nil }
func (f *fakeOS) SetOption(poller.FD, poller.Option, int) error { return nil }
func (f *fakeOS) LocalAddr(poller.FD) (poller.Addr, error)      { return fakePeer, nil }
func (f *fakeOS) PeerAddr(poller.FD) (poller.Addr, error)       { return fakePeer, nil }

func (f *fakeOS) Abort(fd poller.FD) error {
	f.files[fd].aborted = true
	return f.CloseFD(fd)
}

func (f *fakeOS) Wait(events []poller.Event, timeout time.Duration) (int, error) {
	f.timeout = timeout
	n := copy(events, f.events)
	f.events = append(f.events[:0], f.events[n:]...)
	return n, nil
}

func (f *fakeOS) Listen(poller.Addr, poller.ListenOptions) (poller.FD, error) {
	fd, _ := f.open()
	return fd, nil
}

func (f *fakeOS) Accept(fd poller.FD) (poller.FD, poller.Addr, error) {
	file := f.files[fd]
	f.acceptCalls++
	if f.acceptError != nil {
		return poller.NoFD, poller.Addr{}, f.acceptError
	}
	if len(file.queue) == 0 {
		return poller.NoFD, poller.Addr{}, poller.ErrWouldBlock
	}
	accepted := file.queue[0]
	file.queue = file.queue[1:]
	return accepted, fakePeer, nil
}

func (f *fakeOS) Connect(poller.Addr, poller.SocketOptions) (poller.FD, error) {
	fd, file := f.open()
	file.result = poller.ErrWouldBlock
	return fd, nil
}

func (f *fakeOS) Read(fd poller.FD, p []byte) (int, error) {
	file := f.files[fd]
	switch {
	case file.closed:
		return 0, os.NewSyscallError("read", syscall.EBADF)
	case file.endless:
		return len(p), nil
	case len(file.in) > 0:
		n := copy(p, file.in)
		file.in = append(file.in[:0], file.in[n:]...)
		return n, nil
	case file.end != nil:
		return 0, file.end
	}
	return 0, poller.ErrWouldBlock
}

func (f *fakeOS) Peek(fd poller.FD, p []byte) (int, error) {
	file := f.files[fd]
	switch {
	case len(file.in) > 0:
		return copy(p, file.in), nil
	case file.end != nil:
		return 0, file.end
	}
	return 0, poller.ErrWouldBlock
}

func (f *fakeOS) Write(fd poller.FD, p []byte) (int, error) {
	file := f.files[fd]
	n := len(p)
	if file.room >= 0 {
		n = min(n, file.room)
	}
	switch {
	case file.broken != nil:
		return 0, file.broken
	case n == 0 && len(p) > 0:
		return 0, poller.ErrWouldBlock
	case file.room >= 0:
		file.room -= n
	}
	file.out = append(file.out, p[:n]...)
	return n, nil
}

func (f *fakeOS) Writev(fd poller.FD, bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs {
		n, err := f.Write(fd, b)
		total += n
		if err != nil && total > 0 {
			return total, nil
		}
		if err != nil || n < len(b) {
			return total, err
		}
	}
	return total, nil
}

// turn does one turn that does not wait.
func turn(t testing.TB, l *Loop) {
	t.Helper()
	require.NoError(t, l.Turn(0), "Turn")
}

// settle turns the loop until it has nothing left to do.
func settle(t testing.TB, l *Loop, f *fakeOS) {
	t.Helper()
	for range 10_000 {
		turn(t, l)
		if len(f.events) == 0 && l.ready.len+len(l.next) == 0 && len(l.dirty) == 0 && l.posts.empty() {
			return
		}
	}
	t.Fatal("turned the loop 10 000 times: got work left over, want none: it spins")
}
