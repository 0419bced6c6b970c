package coro

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// stuck is when a test gives up. Nothing is timed with it.
const stuck = 30 * time.Second

var errStuck = errors.New("the test is stuck")

// env is what a test runs on: a backend and a network.
type env struct {
	t       *testing.T
	backend poller.Backend
	network string
	host    *sim.Host // in the place of a backend; nil
	log     *records
	os      *faultyOS // of the loop of the last run
}

// onEveryBackend runs the test on each real backend, with TCP and Unix sockets.
func onEveryBackend(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	onNetworks(t, []string{"tcp", "unix"}, test)
}

// onEverySystem runs the test on each real backend and on a simulated system that
// takes every freedom, with TCP and Unix sockets. It is for tests that know of no
// other system: no peers of package net, no goroutines that the loop waits for.
func onEverySystem(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	onEveryBackend(t, test)
	for _, network := range []string{"tcp", "unix"} {
		onSimulated(t, network, test)
	}
}

func onSimulated(t *testing.T, network string, test func(t *testing.T, e *env)) {
	t.Helper()
	t.Run("sim "+network, func(t *testing.T) {
		dials := sim.Freedoms()
		dials.MostLate = 10 * time.Microsecond
		sim.Config{Dials: dials}.Test(t, func(t *testing.T, w *sim.World) {
			test(t, &env{t: t, network: network, host: w.Host("host"), log: new(records)})
		})
	})
}

// onTCP is for what only TCP has, or what has nothing to do with the network.
func onTCP(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	onNetworks(t, []string{"tcp"}, test)
}

func onUnix(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	onNetworks(t, []string{"unix"}, test)
}

func onNetworks(t *testing.T, networks []string, test func(t *testing.T, e *env)) {
	t.Helper()
	for _, backend := range []poller.Backend{poller.BackendDefault, poller.BackendPoll} {
		for _, network := range networks {
			t.Run(backend.String()+" "+network, func(t *testing.T) {
				test(t, &env{t: t, backend: backend, network: network, log: new(records)})
			})
		}
	}
}

// config is that of the test's loops, with a system below that can be told to
// fail.
func (e *env) config() Config {
	e.t.Helper()
	if e.host != nil {
		return Config{Reactor: reactor.Options{OS: e.host.OS()}, Logger: e.log.logger()}
	}
	system, err := poller.Open(poller.Config{Backend: e.backend})
	require.NoError(e.t, err)
	e.os = &faultyOS{OS: system}
	return Config{Reactor: reactor.Options{OS: e.os}, Logger: e.log.logger()}
}

// run runs main on a loop. A test that is stuck is cancelled, with errStuck.
func (e *env) run(main func(ctx context.Context) error) error {
	e.t.Helper()
	return e.runWith(e.config(), main)
}

func (e *env) runWith(c Config, main func(ctx context.Context) error) error {
	e.t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), stuck, errStuck)
	defer cancel()
	err := c.Run(ctx, main)
	if e.t.Failed() { // by a require in a task, which ended that task only
		e.t.FailNow()
	}
	if errors.Is(err, errStuck) {
		require.NoError(e.t, err)
	}
	return err
}

// try runs a main that has no error to return. It uses require freely: that
// calls Goexit, which ends the task, cancels its scope, and so ends the run.
func (e *env) try(main func(ctx context.Context)) {
	e.t.Helper()
	err := e.run(func(ctx context.Context) error { main(ctx); return nil })
	require.NoError(e.t, err, "Run")
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

func (e *env) listen(ctx context.Context) *Listener {
	e.t.Helper()
	ln, err := Listen(ctx, e.network, e.address())
	require.NoError(e.t, err)
	return ln
}

// dial connects to ln from a task of its loop.
func (e *env) dial(ctx context.Context, ln *Listener) *Conn {
	e.t.Helper()
	c, err := Dial(ctx, e.network, ln.Addr().String())
	require.NoError(e.t, err)
	return c
}

// pair is the two ends of a connection, both on the loop.
func (e *env) pair(ctx context.Context) (client, server *Conn) {
	e.t.Helper()
	ln := e.listen(ctx)
	client = e.dial(ctx, ln)
	server, err := ln.AcceptConn()
	require.NoError(e.t, err)
	require.NoError(e.t, ln.Close())
	return client, server
}

// peer is a connection of package net's to a connection of the loop's.
func (e *env) peer(ctx context.Context) (peer net.Conn, c *Conn) {
	e.t.Helper()
	ln := e.listen(ctx)
	peer, err := net.Dial(e.network, ln.Addr().String()) // the kernel accepts it
	require.NoError(e.t, err)
	e.t.Cleanup(func() { peer.Close() })
	c, err = ln.AcceptConn()
	require.NoError(e.t, err)
	require.NoError(e.t, ln.Close())
	return peer, c
}

// background spawns a task whose error is looked at later.
func background[T any](t *testing.T, s *Scope, fn func(ctx context.Context) (T, error)) *promise[T] {
	t.Helper()
	p := &promise[T]{t: t}
	require.NoError(t, s.Go(func(ctx context.Context) error {
		p.value, p.err = fn(ctx)
		return p.done.Set(ctx)
	}))
	return p
}

// promise is what a task of background's comes to.
type promise[T any] struct {
	t     *testing.T
	done  Event
	value T
	err   error
}

// wait waits for the task, in a scope that is not cancelled.
func (p *promise[T]) wait(ctx context.Context) (T, error) {
	p.t.Helper()
	require.NoError(p.t, p.done.Wait(ctx), "wait for a task")
	return p.value, p.err
}

// settle lets every task run until it waits for something that only the caller,
// the kernel or the clock can bring about.
func settle(t *testing.T, ctx context.Context) {
	t.Helper()
	for range 8 { // a task of a test wakes no longer chains
		require.NoError(t, Yield(ctx))
	}
}

// fill writes until the connection takes no more, and returns how much it took.
func fill(t *testing.T, c *Conn) int {
	t.Helper()
	total := 0
	for {
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		n, err := c.Write(make([]byte, 1<<20))
		total += n
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, "write to a peer that does not read")
			require.NoError(t, c.SetWriteDeadline(time.Time{}))
			return total
		}
	}
}

// wait waits for a channel outside of any loop, and fails the test when it hangs.
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

// faultyOS is a system whose calls fail when they are told to. The fields belong
// to the loop; nil is a system that works.
type faultyOS struct {
	poller.OS
	transfers
	datagrams
	accept    func() error
	add       func() error
	wait      func() error
	writeMost int // bytes a Write takes
	accepted  int // counts

	readTakes time.Duration // what a Read does to the clock
	late      atomic.Int64  // what they have done; a watchdog looks as well
}

func (f *faultyOS) Now() time.Duration { return f.OS.Now() + time.Duration(f.late.Load()) }

func (f *faultyOS) Read(fd poller.FD, p []byte) (int, error) {
	f.late.Add(int64(f.readTakes))
	return f.OS.Read(fd, p)
}

func (f *faultyOS) Write(fd poller.FD, p []byte) (int, error) {
	if f.writeMost > 0 {
		p = p[:min(len(p), f.writeMost)]
	}
	return f.OS.Write(fd, p)
}

func (f *faultyOS) Accept(fd poller.FD) (poller.FD, poller.Addr, error) {
	if f.accept != nil {
		if err := f.accept(); err != nil {
			return poller.NoFD, poller.Addr{}, err
		}
	}
	accepted, peer, err := f.OS.Accept(fd)
	if err == nil {
		f.accepted++
	}
	return accepted, peer, err
}

func (f *faultyOS) Add(fd poller.FD, t poller.Token) error {
	if f.add != nil {
		if err := f.add(); err != nil {
			return err
		}
	}
	return f.OS.Add(fd, t)
}

func (f *faultyOS) Wait(events []poller.Event, timeout time.Duration) (int, error) {
	if f.wait != nil {
		if err := f.wait(); err != nil {
			return 0, err
		}
	}
	return f.OS.Wait(events, timeout)
}

// records is a log that keeps what it is told.
type records struct {
	mu   sync.Mutex
	kept []slog.Record
	hook func() // called for each, where the log is written
}

func (r *records) logger() *slog.Logger { return slog.New(r) }

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }

func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.mu.Lock()
	r.kept = append(r.kept, record)
	hook := r.hook
	r.mu.Unlock()
	if hook != nil {
		hook()
	}
	return nil
}

// lines are the records as text, "LEVEL message key=value ...".
func (r *records) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, record := range r.kept {
		line := record.Level.String() + " " + record.Message
		record.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
		lines = append(lines, line)
	}
	return lines
}

// find is the first line that begins with prefix; empty if there is none.
func (r *records) find(prefix string) string {
	lines := r.lines()
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) }); i >= 0 {
		return lines[i]
	}
	return ""
}

// readAll reads up to the end of the stream.
func readAll(t *testing.T, c net.Conn) []byte {
	t.Helper()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	return got
}
