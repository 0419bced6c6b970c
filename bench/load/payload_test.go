package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPayloadDiffersBetweenConnectionsAndBatches(t *testing.T) {
	p := newPayload(16, 9)
	const conns, batches = 20_000, 5
	for k := range uint64(batches) {
		seen := map[string]bool{}
		for i := range conns {
			now := string(p.batch(i, k, 16))
			require.NotEqual(t, now, string(p.batch(i, k+1, 16)))
			seen[now] = true
		}
		require.Len(t, seen, conns, "no two connections send the same")
	}
}

func TestWorkFollowsFromTheBatch(t *testing.T) {
	g := newGroup(Group{Size: 4, Depth: 1, SlowShare: 0.25, SlowLeast: 5 * time.Millisecond, SlowMost: 15 * time.Millisecond, Work: CPU}, 0)
	const batches = 20_000
	slow, seen := 0, map[byte]bool{}
	for k := range uint64(batches) {
		work, ms := g.work(1, 7, k, 0)
		again, msAgain := g.work(1, 7, k, 0)
		require.Equal(t, [2]byte{work, ms}, [2]byte{again, msAgain})
		require.Equal(t, work != SlowNothing, g.slow(1, 7, k))
		if work == SlowNothing {
			require.Zero(t, ms)
			continue
		}
		require.EqualValues(t, SlowCPU, work)
		slow++
		seen[ms] = true
	}
	require.InDelta(t, 0.25, float64(slow)/batches, 0.02)
	require.Len(t, seen, 11, "5 to 15 ms, both included")
	require.True(t, seen[5] && seen[15])
}

func TestWorkIsAskedForInTheFirstTwoBytes(t *testing.T) {
	const size = 64
	for _, share := range []float64{0, 1} {
		asked := make(chan [2]byte, 1000)
		addr := serveMessages(t, size, func(m []byte) { asked <- [2]byte(m) })
		e := dialed(t, one(addr, Group{
			Role: Echo, Conns: 2, Size: size, Depth: 3, Work: Blocking,
			SlowShare: share, SlowLeast: 3 * time.Millisecond, SlowMost: 3 * time.Millisecond,
		}))
		o, err := e.Exchange(t.Context(), 4)
		require.NoError(t, err)
		want := [2]byte{SlowNothing, 0}
		if share == 1 {
			want = [2]byte{SlowBlocking, 3}
		}
		for range 2 * 3 * 4 {
			require.Equal(t, want, <-asked)
		}
		m := o.Groups[0]
		require.EqualValues(t, 8*share, times(t, m.Slow), "slow batches are measured apart")
		require.EqualValues(t, 8*(1-share), times(t, m.Latency))
	}
}
