package load

import (
	"bytes"
	"context"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listen serves connections until the test ends, and returns the address.
func listen(t *testing.T, handle func(c net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		running.Wait()
	})
	return ln.Addr().String()
}

// serve answers every read. Answer returns what is to be sent back for the bytes
// that were read, and whether the connection goes on.
func serve(t *testing.T, answer func(total int, p []byte) ([]byte, bool)) string {
	return listen(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		for total, goOn := 0, true; goOn; {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			var out []byte
			out, goOn = answer(total, buf[:n])
			total += n
			if _, err := c.Write(out); err != nil {
				return
			}
		}
	})
}

func echo(_ int, p []byte) ([]byte, bool) { return p, true }

// serveMessages answers every message of that size.
func serveMessages(t *testing.T, size int, answer func(message []byte)) string {
	return listen(t, func(c net.Conn) {
		buf := make([]byte, 0, 1<<16)
		for {
			n, err := c.Read(buf[len(buf):cap(buf)])
			if err != nil {
				return
			}
			buf = buf[:len(buf)+n]
			for len(buf) >= size {
				answer(buf[:size])
				if _, err := c.Write(buf[:size]); err != nil {
					return
				}
				buf = buf[:copy(buf, buf[size:])]
			}
		}
	})
}

// roomServer sends every byte to all connections.
type roomServer struct {
	mu      sync.Mutex
	members []net.Conn
	// admit, when set, delays that a connection becomes a member.
	admit func()
	// spoil, when set, changes what a member hears; the argument is its place.
	spoil func(member int, p []byte) []byte
}

func (r *roomServer) handle(c net.Conn) {
	if r.admit != nil {
		r.admit()
	}
	r.mu.Lock()
	r.members = append(r.members, c)
	r.mu.Unlock()
	buf := make([]byte, 1<<16)
	for {
		n, err := c.Read(buf)
		if err != nil {
			break
		}
		r.mu.Lock()
		for i, m := range r.members {
			out := buf[:n]
			if r.spoil != nil {
				out = r.spoil(i, bytes.Clone(out))
			}
			_, _ = m.Write(out)
		}
		r.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, m := range r.members {
		if m == c {
			r.members = append(r.members[:i], r.members[i+1:]...)
			return
		}
	}
}

// nobody is an address where nobody listens, nor will while the test runs: the port
// is one end of a connection, and so taken.
func nobody(t *testing.T) string {
	t.Helper()
	somewhere := listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	c, err := from.Dial("tcp", somewhere)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

// shortLimit is the stall limit of tests that wait for it.
const shortLimit = 100 * time.Millisecond

// tries is how often a run is repeated whose time may pass while this process stands
// still.
const tries = 20

// one is a load of one group.
func one(server string, g Group) Spec {
	if g.Name == "" {
		g.Name = string(g.Role)
	}
	g.Size, g.Depth = max(g.Size, 1), max(g.Depth, 1)
	return Spec{Server: server, Groups: []Group{g}, Seed: 1}
}

// engine is closed before the server that was started for it is waited for.
func engine(t *testing.T, s Spec) *Engine {
	t.Helper()
	e, err := Open(s)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// dialed is an engine with all its connections.
func dialed(t *testing.T, s Spec) *Engine {
	t.Helper()
	e := engine(t, s)
	_, err := e.Dial(t.Context(), math.MaxInt)
	require.NoError(t, err)
	return e
}

// ran is what an engine measured, where nothing may go wrong.
func ran(t *testing.T, e *Engine, d time.Duration) []Measured {
	t.Helper()
	o, err := e.Run(t.Context(), d)
	require.NoError(t, err)
	require.Empty(t, o.Void)
	for _, m := range o.Groups {
		require.Equal(t, m.Planned, m.Sent, m.Group)
	}
	return o.Groups
}

// times is how many values a histogram has.
func times(t *testing.T, h Histogram) int64 {
	t.Helper()
	decoded, err := h.Decode()
	require.NoError(t, err)
	return decoded.TotalCount()
}

// cancelled is a context that ends when its function is called.
func cancelled(t *testing.T) (context.Context, func()) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
