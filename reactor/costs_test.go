package reactor

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequestCostsOneReadOneWriteAndItsShareOfAWait(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		const conns, rounds = 100, 20
		l, p := e.loop(Options{})
		ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(echoing{}))
		require.NoError(t, err)
		var peers []net.Conn
		for range conns {
			peers = append(peers, e.dial(ln))
		}
		for l.Stats().Accepted < conns {
			require.NoError(t, l.Turn(stuck))
		}
		for range 3 { // whatever events come with the beginning
			turn(t, l)
		}
		adds := p.adds.Load()
		require.EqualValues(t, conns+1, adds, "registrations of %d connections and a listener", conns)
		reads, writes, waits, total := p.reads.Load(), p.writes.Load(), p.waits.Load(), p.total()
		for range rounds {
			for _, c := range peers {
				_, err := io.WriteString(c, "0123456789")
				require.NoError(t, err)
			}
			want := l.Stats().BytesWritten + conns*10
			for l.Stats().BytesWritten < want {
				require.NoError(t, l.Turn(stuck))
			}
			for _, c := range peers {
				_, err := io.ReadFull(c, make([]byte, 10))
				require.NoError(t, err)
			}
		}
		require.EqualValues(t, conns*rounds, p.reads.Load()-reads, "read calls for %d requests", conns*rounds)
		require.EqualValues(t, conns*rounds, p.writes.Load()-writes, "write calls for %d requests", conns*rounds)
		require.LessOrEqual(t, p.waits.Load()-waits, int64(2*rounds), "waits for %d rounds of %d requests", rounds, conns)
		require.EqualValues(t, 2*conns*rounds, p.total()-total, "calls of any kind but waits")
		for _, c := range peers {
			require.NoError(t, c.Close())
		}
		for l.Stats().Conns > 0 {
			require.NoError(t, l.Turn(stuck))
		}
		require.Equal(t, adds, p.adds.Load())
		require.Zero(t, p.removes.Load(), "removals: closing ends a registration")
		require.EqualValues(t, conns, p.closes.Load()+p.aborts.Load(), "descriptors closed")
	})
}

func TestPostTimerAndDeadlineAllocateLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	l, f := newFakeLoop(t, Options{})
	timer := l.NewTimer(func() {})
	require.Zero(t, testing.AllocsPerRun(100, func() { timer.Reset(1000); timer.Stop() }), "allocations of Reset and Stop")
	require.Zero(t, testing.AllocsPerRun(100, func() { timer.Reset(0); _ = l.Turn(0) }), "allocations of a timer that fires")
	s, _ := fakeSource(t, l, f)
	at := l.Now()
	s.SetDeadline(In, 1<<40)
	require.Zero(t, testing.AllocsPerRun(100, func() { at++; s.SetDeadline(In, 1<<41+at) }), "allocations of a deadline moved")
	fn := func() {}
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = l.Post(fn); _ = l.Turn(0) }), 1.0, "allocations of Post")
}
