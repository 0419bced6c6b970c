package load

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// serve runs answer on every connection until the test ends. Answer returns
// what is to be sent back for the bytes that were read, and whether the
// connection goes on.
func serve(t *testing.T, answer func(total int, p []byte) ([]byte, bool)) poller.Addr {
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
	})
	t.Cleanup(func() {
		ln.Close()
		running.Wait()
	})
	return poller.Addr{AddrPort: netip.MustParseAddrPort(ln.Addr().String())}
}

func echo(_ int, p []byte) ([]byte, bool) { return p, true }

// generator is closed before the server that serve started is waited for.
func generator(t *testing.T, c Config) *Generator {
	t.Helper()
	g, err := Open(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

func TestGeneratorCountsWhatCameBack(t *testing.T) {
	for _, c := range []struct {
		name               string
		conns, depth, size int
	}{
		{"one byte on one connection", 1, 1, 1},
		{"small messages on many connections", 50, 1, 64},
		{"pipelined", 10, 16, 64},
		{"larger than the socket buffers", 2, 1, 8 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := generator(t, Config{Server: serve(t, echo), Depth: c.depth, Size: c.size, Seed: 1})
			require.NoError(t, g.Dial(t.Context(), c.conns))
			require.Equal(t, c.conns, g.Conns())
			r, err := g.Exchange(t.Context(), 3)
			require.NoError(t, err)
			require.EqualValues(t, 3*c.conns*c.depth, r.Messages)
			require.Positive(t, r.P50)
			require.LessOrEqual(t, r.P50, r.P99)
			require.LessOrEqual(t, r.P99, r.P999)
			require.LessOrEqual(t, r.P999, r.Max)
		})
	}
}

func TestGeneratorTouchesEachConnectionOnce(t *testing.T) {
	var mu sync.Mutex
	bytes := 0
	addr := serve(t, func(_ int, p []byte) ([]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		bytes += len(p)
		return p, true
	})
	g := generator(t, Config{Server: addr, Depth: 1, Size: 10})
	for _, n := range []int{5, 7} {
		require.NoError(t, g.Dial(t.Context(), n))
		require.NoError(t, g.Touch(t.Context()))
	}
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 12*10, bytes)
}

func TestGeneratorRunEndsWithNothingUnderWay(t *testing.T) {
	g := generator(t, Config{Server: serve(t, echo), Depth: 2, Size: 100})
	require.NoError(t, g.Dial(t.Context(), 20))
	for range 3 {
		r, err := g.Run(t.Context(), time.Millisecond)
		require.NoError(t, err)
		require.GreaterOrEqual(t, r.Messages, uint64(2*20), "every connection sends at least once")
		require.GreaterOrEqual(t, r.Elapsed, time.Millisecond)
		for i := range g.conns {
			require.Equal(t, idle, g.conns[i].state)
		}
	}
}

func TestGeneratorDetectsAServerThat(t *testing.T) {
	const size = 100
	for _, c := range []struct {
		name   string
		answer func(total int, p []byte) ([]byte, bool)
		want   error
		text   string
	}{
		{"corrupts a byte", func(total int, p []byte) ([]byte, bool) {
			if at := 2*size + 17 - total; at >= 0 && at < len(p) {
				p[at] ^= 1
			}
			return p, true
		}, ErrWrongByte, "byte 17 of the batch"},
		{"repeats an earlier message", func() func(int, []byte) ([]byte, bool) {
			var first []byte
			return func(_ int, p []byte) ([]byte, bool) {
				if first == nil {
					first = bytes.Clone(p)
				}
				return first, true
			}
		}(), ErrWrongByte, "byte 0 of the batch"},
		{"truncates and closes", func(total int, p []byte) ([]byte, bool) {
			return p[:len(p)-1], false
		}, ErrClosed, "after 99 of 100 bytes"},
		{"closes without an answer", func(int, []byte) ([]byte, bool) {
			return nil, false
		}, ErrClosed, "after 0 of 100 bytes"},
		{"sends more than it got", func(_ int, p []byte) ([]byte, bool) {
			return append(bytes.Clone(p), 'x'), true
		}, ErrSurplus, "connection 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := generator(t, Config{Server: serve(t, c.answer), Depth: 1, Size: size})
			require.NoError(t, g.Dial(t.Context(), 1))
			_, err := g.Exchange(t.Context(), 10)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
		})
	}
}

func TestPayloadDiffersBetweenConnectionsAndBatches(t *testing.T) {
	p := newPayload(16, 9)
	const conns, batches = 20_000, 5
	at := make([]uint32, conns)
	for i := range at {
		at[i] = p.first(i)
	}
	for range batches {
		seen := map[string]bool{}
		for i := range at {
			before := string(p.batch(at[i]))
			at[i] = p.next(at[i])
			now := string(p.batch(at[i]))
			require.NotEqual(t, before, now)
			seen[now] = true
		}
		require.Equal(t, conns, len(seen), "no two connections send the same")
	}
}

func TestGeneratorCountsFailedConnections(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := poller.Addr{AddrPort: netip.MustParseAddrPort(ln.Addr().String())}
	require.NoError(t, ln.Close())

	g := generator(t, Config{Server: addr, Depth: 1, Size: 1})
	err = g.Dial(t.Context(), 300)
	require.ErrorContains(t, err, "300 of 300 connections failed")
	require.ErrorContains(t, err, "refused")
}

func TestGeneratorStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	// The server never answers: it cancels.
	addr := serve(t, func(int, []byte) ([]byte, bool) {
		cancel()
		return nil, true
	})
	g := generator(t, Config{Server: addr, Depth: 1, Size: 10})
	require.NoError(t, g.Dial(ctx, 3))
	_, err := g.Exchange(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
}

func TestGeneratorRefusesBatches(t *testing.T) {
	for _, c := range []Config{{Depth: 0, Size: 1}, {Depth: 1, Size: 0}, {Depth: 2, Size: MaxBatch}, {Depth: -1, Size: -1}} {
		_, err := Open(c)
		require.Error(t, err, "%+v", c)
	}
}

func TestGeneratorAllocatesNothingPerMessage(t *testing.T) {
	g := generator(t, Config{Server: serve(t, echo), Depth: 1, Size: 64})
	require.NoError(t, g.Dial(t.Context(), 4))
	require.NoError(t, g.Touch(t.Context()))
	mallocs := func(batches int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := g.Exchange(t.Context(), batches)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		return after.Mallocs - before.Mallocs
	}
	few := mallocs(10)
	// 20 000 messages more; the margin is for the runtime's own, and for the
	// race detector's.
	require.LessOrEqual(t, mallocs(5010), few+500)
}
