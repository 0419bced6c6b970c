package load

import (
	"bytes"
	"context"
	"io"
	"math"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEngineCountsWhatCameBack(t *testing.T) {
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
			e := dialed(t, one(serve(t, echo), Group{Role: Echo, Conns: c.conns, Depth: c.depth, Size: c.size}))
			require.Equal(t, c.conns, e.Conns())
			o, err := e.Exchange(t.Context(), 3)
			require.NoError(t, err)
			require.Empty(t, o.Void)
			m := o.Groups[0]
			require.EqualValues(t, 3*c.conns*c.depth, m.Planned)
			require.EqualValues(t, 3*c.conns*c.depth, m.Sent)
			require.EqualValues(t, 3*c.conns*c.depth, m.Received)
			require.Len(t, m.PerConn, c.conns)
			for _, n := range m.PerConn {
				require.EqualValues(t, 3*c.depth, n)
			}
			require.EqualValues(t, 3*c.conns, times(t, m.Latency), "latency is of batches")
			require.EqualValues(t, c.conns, times(t, m.Connect))
			require.Positive(t, m.Elapsed)
			require.Positive(t, m.LongestWait)
			require.Positive(t, o.CPU)
			require.Empty(t, m.SendLag, "a closed loop has no plan")
		})
	}
}

func TestEngineDialsInSteps(t *testing.T) {
	var mu sync.Mutex
	bytes := 0
	addr := serve(t, func(_ int, p []byte) ([]byte, bool) {
		mu.Lock()
		defer mu.Unlock()
		bytes += len(p)
		return p, true
	})
	e := engine(t, one(addr, Group{Role: Idle, Conns: 12, Size: 10}))
	for _, n := range []int{5, 12} {
		d, err := e.Dial(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, n, d.Conns)
		require.EqualValues(t, n, times(t, d.Connect))
		require.Equal(t, 1, d.Sources)
		require.NoError(t, e.Touch(t.Context()))
	}
	_, err := e.Dial(t.Context(), 1)
	require.NoError(t, err, "it has more than that already")
	mu.Lock()
	require.Equal(t, 12*10, bytes, "each is touched once")
	mu.Unlock()
	require.Zero(t, ran(t, e, time.Millisecond)[0].Planned, "idle connections do nothing in a run")
}

func TestEngineRefusesARunBeforeItHasItsConnections(t *testing.T) {
	e := engine(t, one(serve(t, echo), Group{Role: Echo, Conns: 2}))
	_, err := e.Dial(t.Context(), 1)
	require.NoError(t, err)
	_, err = e.Run(t.Context(), time.Second)
	require.ErrorIs(t, err, ErrSpec)
}

func TestEngineRunEndsWithNothingUnderWay(t *testing.T) {
	e := dialed(t, one(serve(t, echo), Group{Role: Echo, Conns: 20, Depth: 2, Size: 100}))
	for range 3 {
		m := ran(t, e, time.Millisecond)[0]
		require.GreaterOrEqual(t, m.Received, uint64(2*20), "every connection sends at least once")
		require.Zero(t, e.owed)
		for i := range e.conns {
			require.Zero(t, e.conns[i].due())
		}
	}
}

func TestEngineDetectsAServerThat(t *testing.T) {
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
		}, ErrWrongByte, "connection 0 of echo, byte 17 of the batch"},
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
		}, ErrClosed, "with 1 bytes of an answer still to come"},
		{"closes without an answer", func(int, []byte) ([]byte, bool) {
			return nil, false
		}, ErrClosed, "with 100 bytes of an answer still to come"},
		{"sends more than it got", func(_ int, p []byte) ([]byte, bool) {
			return append(bytes.Clone(p), 'x'), true
		}, ErrSurplus, "101 bytes on connection 0 of echo, which waits for 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := dialed(t, one(serve(t, c.answer), Group{Role: Echo, Conns: 1, Size: size}))
			_, err := e.Exchange(t.Context(), 10)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
			_, err = e.Run(t.Context(), time.Second)
			require.ErrorIs(t, err, errSpent)
		})
	}
}

func TestEngineDetectsBytesThatNobodyAskedFor(t *testing.T) {
	connected, greeting := make(chan struct{}), make(chan struct{})
	addr := listen(t, func(c net.Conn) {
		<-connected
		_, _ = c.Write([]byte("220 hello\r\n"))
		close(greeting)
		_, _ = c.Read(make([]byte, 1))
	})
	e := dialed(t, one(addr, Group{Role: Idle, Conns: 1}))
	close(connected)
	<-greeting
	require.ErrorIs(t, e.Touch(t.Context()), ErrSurplus)
}

// A greeting may be there when the connect is looked at: one event tells both, once.
func TestEngineReadsWhatComesWithTheConnect(t *testing.T) {
	greeted, done := make(chan struct{}), make(chan struct{})
	addr := listen(t, func(c net.Conn) {
		_, _ = c.Write([]byte("220 hello\r\n"))
		close(greeted)
		<-done
	})
	defer close(done)
	e := engine(t, one(addr, Group{Role: Idle, Conns: 1}))
	e.phase = touching
	e.begin(time.Hour)
	require.NoError(t, e.dial(&e.conns[0]))
	<-greeted
	var found error
	for found == nil {
		n, err := e.os.Wait(e.events[:], stallLimit)
		require.NoError(t, err)
		require.Positive(t, n, "no event tells of the greeting any more")
		d := dialer{e: e}
		for i := range n {
			found = d.handle(&e.events[i])
		}
	}
	require.ErrorIs(t, found, ErrSurplus)
}

func TestEngineDetectsAServerThatEndsAnIdleConnection(t *testing.T) {
	used := make(chan struct{})
	addr := listen(t, func(c net.Conn) {
		_, _ = io.CopyN(c, c, 1)
		<-used
	})
	e := dialed(t, one(addr, Group{Role: Idle, Conns: 1}))
	require.NoError(t, e.Touch(t.Context()))
	close(used)
	_, err := e.Run(t.Context(), time.Hour)
	require.ErrorIs(t, err, ErrClosed)
}

func TestEngineCountsFailedConnections(t *testing.T) {
	e := engine(t, one(nobody(t), Group{Role: Echo, Conns: 300}))
	_, err := e.Dial(t.Context(), math.MaxInt)
	require.ErrorIs(t, err, ErrConnect)
	require.ErrorContains(t, err, "300 of 300 connections failed")
	require.ErrorContains(t, err, "refused")
}

func TestEngineStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := cancelled(t)
	// The server never answers: it cancels.
	addr := serve(t, func(int, []byte) ([]byte, bool) {
		cancel()
		return nil, true
	})
	e := engine(t, one(addr, Group{Role: Echo, Conns: 3, Size: 10}))
	_, err := e.Dial(ctx, 3)
	require.NoError(t, err)
	_, err = e.Run(ctx, time.Hour)
	require.ErrorIs(t, err, context.Canceled)
}

func TestEngineNamesWhoGetsNoAnswer(t *testing.T) {
	addr := serve(t, func(total int, p []byte) ([]byte, bool) { return p[:min(len(p), max(0, 15-total))], true })
	e := dialed(t, one(addr, Group{Role: Echo, Conns: 1, Size: 10}))
	require.NoError(t, e.Touch(t.Context()))
	e.stallLimit = shortLimit // the rest of the second answer never comes
	_, err := e.Run(t.Context(), time.Millisecond)
	require.ErrorIs(t, err, ErrStalled)
	require.ErrorContains(t, err, "1 are due, the oldest on connection 0 of echo")
}

func TestEngineAllocatesNothingPerMessage(t *testing.T) {
	for _, g := range []Group{
		{Role: Echo, Conns: 4, Size: 64},
		{Role: Echo, Conns: 4, Size: 64, SlowShare: 0.5, Work: CPU, SlowMost: time.Millisecond},
	} {
		e := dialed(t, one(serve(t, echo), g))
		require.NoError(t, e.Touch(t.Context()))
		mallocs := func(batches int) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := e.offer(t.Context(), math.MaxInt64, uint64(batches))
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			return after.Mallocs - before.Mallocs
		}
		few := mallocs(10)
		// 20 000 messages more; the margin is for the runtime's own, and for the
		// race detector's.
		require.LessOrEqual(t, mallocs(5010), few+500)
	}
}

func TestEngineRotatesWhoIsActive(t *testing.T) {
	e := dialed(t, one(serve(t, echo), Group{Role: Echo, Conns: 10, Active: 2, Rotate: time.Millisecond, Size: 8}))
	took := 0
	for range tries {
		took = 0
		for _, n := range ran(t, e, 100*time.Millisecond)[0].PerConn {
			if n > 0 {
				took++
			}
		}
		if took > 2 {
			break // else we may have stood still until the end of the run
		}
	}
	require.Greater(t, took, 2, "the active ones change")

	e = dialed(t, one(serve(t, echo), Group{Role: Echo, Conns: 10, Active: 2, Size: 8}))
	m := ran(t, e, 5*time.Millisecond)[0]
	for i, n := range m.PerConn {
		require.Equal(t, i < 2, n > 0, "connection %d, without rotation", i)
	}
}
