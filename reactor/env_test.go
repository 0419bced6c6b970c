package reactor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// quiet is for loops whose tests make them complain.
var quiet = slog.New(slog.DiscardHandler)

// stuck is when a test gives up. Nothing is timed with it.
const stuck = 30 * time.Second

// env is what a test runs on: a backend and a network.
type env struct {
	t       *testing.T
	backend poller.Backend
	network string
}

// onEveryBackend runs the test on each real backend, with TCP and Unix sockets.
func onEveryBackend(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	onNetworks(t, []string{"tcp", "unix"}, test)
}

// onTCP is for what only TCP has.
func onTCP(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	onNetworks(t, []string{"tcp"}, test)
}

func onNetworks(t *testing.T, networks []string, test func(t *testing.T, e *env)) {
	t.Helper()
	for _, backend := range []poller.Backend{poller.BackendDefault, poller.BackendPoll} {
		for _, network := range networks {
			t.Run(backend.String()+" "+network, func(t *testing.T) {
				test(t, &env{t: t, backend: backend, network: network})
			})
		}
	}
}

// address is where a listener of this test goes.
func (e *env) address() string {
	if e.network == "tcp" {
		return "127.0.0.1:0"
	}
	// Not t.TempDir, whose paths hold the test's name: a socket's path is short.
	dir, err := os.MkdirTemp("", "weft")
	require.NoError(e.t, err)
	e.t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// loop makes a loop to be stepped by hand, with a probe below it.
func (e *env) loop(o Options) (*Loop, *probe) {
	e.t.Helper()
	o.Poller.Backend = e.backend
	system, err := poller.Open(o.Poller)
	require.NoError(e.t, err)
	p := newProbe(system)
	o.OS, o.PoisonBuffers = p, true
	if o.Logger == nil {
		o.Logger = quiet
	}
	l, err := NewLoop(o)
	require.NoError(e.t, err)
	e.t.Cleanup(func() { require.NoError(e.t, l.Close()) })
	return l, p
}

// running is a loop that runs on a goroutine of its own until the test ends.
type running struct {
	*Loop
	os     *probe
	t      *testing.T
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once ended
}

func (e *env) run(l *Loop, p *probe) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Loop: l, os: p, t: e.t, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = l.Run(ctx)
	}()
	e.t.Cleanup(func() {
		cancel()
		l.Stop()
		wait(e.t, r.ended, "the end of Run after Stop")
	})
	return r
}

// do calls fn on the loop and waits for it.
func (r *running) do(fn func()) {
	r.t.Helper()
	done := make(chan struct{})
	require.NoError(r.t, r.Post(func() { defer close(done); fn() }), "Post")
	wait(r.t, done, "a posted function")
}

// until waits for a condition that is looked at on the loop.
func (r *running) until(what string, condition func() bool) {
	r.t.Helper()
	giveUp := time.Now().Add(stuck)
	for ok := false; !ok; {
		r.do(func() { ok = condition() })
		if !ok {
			runtime.Gosched()
			require.True(r.t, time.Now().Before(giveUp), "waited for %s: it does not come", what)
		}
	}
}

// server is a running loop with a listener.
type server struct {
	*running
	listener *Listener
}

func (e *env) serve(o ListenOptions, handler func(*Conn) Handler) *server {
	e.t.Helper()
	return e.serveWith(Options{}, o, handler)
}

func (e *env) serveWith(lo Options, o ListenOptions, handler func(*Conn) Handler) *server {
	e.t.Helper()
	l, p := e.loop(lo)
	ln, err := l.Listen(e.network, e.address(), o, handler)
	require.NoError(e.t, err)
	return &server{e.run(l, p), ln}
}

// dial connects a peer of package net.
func (e *env) dial(ln *Listener) net.Conn {
	e.t.Helper()
	c, err := net.Dial(e.network, ln.Addr().String())
	for errors.Is(err, syscall.EAGAIN) { // a Unix listener's queue is full
		runtime.Gosched()
		c, err = net.Dial(e.network, ln.Addr().String())
	}
	require.NoError(e.t, err)
	require.NoError(e.t, c.SetDeadline(time.Now().Add(stuck)))
	e.t.Cleanup(func() { c.Close() })
	return c
}

// calls is a Handler of functions; those that are nil do what NopHandler does.
type calls struct {
	open     func(*Conn)
	data     func(*Conn, []byte) int
	eof      func(*Conn)
	writable func(*Conn)
	closed   func(*Conn, error)
}

func (h *calls) OnOpen(c *Conn) {
	if h.open != nil {
		h.open(c)
	}
}

func (h *calls) OnData(c *Conn, data []byte) int {
	if h.data != nil {
		return h.data(c, data)
	}
	return len(data)
}

func (h *calls) OnEOF(c *Conn) {
	if h.eof != nil {
		h.eof(c)
		return
	}
	_ = c.Close()
}

func (h *calls) OnWritable(c *Conn) {
	if h.writable != nil {
		h.writable(c)
	}
}

func (h *calls) OnClose(c *Conn, reason error) {
	if h.closed != nil {
		h.closed(c, reason)
	}
}

// always gives every connection the same handler.
func always(h Handler) func(*Conn) Handler { return func(*Conn) Handler { return h } }

// echoing answers with what it is sent.
type echoing struct{ NopHandler }

func (echoing) OnData(c *Conn, data []byte) int {
	_, _ = c.Write(data)
	return len(data)
}

// wait waits for a channel, and fails the test when it hangs.
func wait[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(stuck):
		var zero T
		buf := make([]byte, 1<<20)
		t.Fatalf("waited for %s: it does not come\n%s", what, buf[:runtime.Stack(buf, true)])
		return zero
	}
}

// pattern is n bytes that tell where they belong.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// pingPong sends a message and wants it back.
func pingPong(t testing.TB, c net.Conn, message string) {
	t.Helper()
	_, err := io.WriteString(c, message)
	require.NoError(t, err, "write %q", message)
	got := make([]byte, len(message))
	_, err = io.ReadFull(c, got)
	require.NoError(t, err, "read the echo of %q", message)
	require.Equal(t, message, string(got), "echo")
}
