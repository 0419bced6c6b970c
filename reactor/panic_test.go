package reactor

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
					require.Contains(t, string(p.Stack), "panic_test.go", "stack of the panic")
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
