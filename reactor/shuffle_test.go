package reactor

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShuffleChangesTheOrderOfABatchAndOfNoPosts(t *testing.T) {
	orders := map[uint64][]int{}
	for seed := range uint64(10) {
		l, _ := newFakeLoop(t, Options{Shuffle: rand.New(rand.NewPCG(seed, 0))})
		var tasks, posts []int
		for i := range 20 {
			l.Schedule(runner(func() { tasks = append(tasks, i) }))
			require.NoError(t, l.Post(func() { posts = append(posts, i) }))
		}
		turn(t, l)
		require.True(t, slices.IsSorted(posts), "posted functions run as %v", posts)
		require.Len(t, posts, 20)
		orders[seed] = slices.Clone(tasks)
		slices.Sort(tasks)
		for i := range 20 {
			require.Equal(t, i, tasks[i], "each once")
		}
	}
	require.NotEqual(t, orders[1], orders[2], "another seed, another order")
	require.False(t, slices.IsSorted(orders[1]))
}

// runner is a Runnable that is no posted function.
type runner func()

func (r runner) Run() { r() }
