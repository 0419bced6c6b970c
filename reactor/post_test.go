package reactor

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPostQueueAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q postQueue
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		var model, ran []int
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				i := next
				next++
				_, err := q.push(func() { ran = append(ran, i) }, limit)
				if len(model) >= limit {
					require.Equal(t, ErrPostQueueFull, err, "push to a queue with %d of %d", len(model), limit)
					return
				}
				require.NoError(t, err)
				model = append(model, i)
			},
			"take": func(t *rapid.T) {
				ran = nil
				for p := q.take(); p != nil; p = p.next {
					p.fn()
				}
				require.Equal(t, model, ran, "functions in the order taken")
				require.True(t, q.empty())
				model = nil
			},
		})
		ran = nil
		for p := q.close(); p != nil; p = p.next {
			p.fn()
		}
		require.Equal(t, model, ran, "functions that close returns")
		require.Nil(t, q.close(), "second close")
		require.Nil(t, q.take(), "take from a closed queue")
		_, err := q.push(func() {}, limit)
		require.Equal(t, ErrLoopClosed, err, "push to a closed queue")
	})
}

func TestPostLosesNothingAndKeepsTheOrderOfEachGoroutine(t *testing.T) {
	const goroutines = 8
	total := 1_000_000
	if raceEnabled || testing.Short() || math.MaxInt == math.MaxInt32 {
		total = 200_000
	}
	onTCP(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{Limits: Limits{MaxPosted: 10_000}})
		r := e.run(l, p)
		each := total / goroutines
		last := make([]int, goroutines)
		ran, outOfOrder := 0, 0 // the loop's
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() {
				for next := 1; next <= each; {
					i := next
					err := r.Post(func() {
						ran++
						if last[g] != i-1 {
							outOfOrder++
						}
						last[g] = i
						if i%1000 == 0 {
							panic("in a posted function") // does not stop the later ones
						}
					})
					switch {
					case err == nil:
						next++
					case errors.Is(err, ErrPostQueueFull):
						runtime.Gosched()
					default:
						t.Errorf("Post: got %v, want nil", err)
						return
					}
					if i%100 == 0 {
						runtime.Gosched() // so that the loop sleeps and wakes
					}
				}
			})
		}
		all.Wait()
		r.until("the last posted function", func() bool { return ran == goroutines*each })
		require.Zero(t, outOfOrder, "functions that ran out of their goroutine's order")
		require.EqualValues(t, goroutines*each/1000, func() (n uint64) { r.do(func() { n = r.Stats().Panics }); return }(), "panics contained")
	})
}

func TestPostIsBounded(t *testing.T) {
	l, _ := newFakeLoop(t, Options{Limits: Limits{MaxPosted: 100}})
	ran := 0
	for i := range 100 {
		require.NoError(t, l.Post(func() { ran++ }), "Post %d of 100", i)
	}
	err := l.Post(func() { ran += 1000 })
	require.ErrorIs(t, err, ErrPostQueueFull, "Post over Limits.MaxPosted")
	require.ErrorContains(t, err, "100", "the limit")
	turn(t, l)
	require.Equal(t, 100, ran, "functions run")
	require.NoError(t, l.Post(func() {}), "Post after the queue was run")
}

// A turn runs only some of what it takes over: that waits all the same.
func TestPostIsBoundedWithFunctionsTheLoopHasTakenOver(t *testing.T) {
	l, _ := newFakeLoop(t, Options{Limits: Limits{MaxPosted: 100, TasksPerTurn: 10}})
	accepted, ran := 0, 0
	for range 50 {
		for l.Post(func() { ran++ }) == nil {
			accepted++
			require.LessOrEqual(t, accepted-ran, 100, "posted functions that wait")
		}
		turn(t, l)
	}
	require.Equal(t, 500, ran, "functions run in 50 turns of 10")
	require.Equal(t, 590, accepted, "functions accepted")
}

func TestPostAfterTheLoopHasEndedIsRefused(t *testing.T) {
	l, _ := newFakeLoop(t, Options{})
	ran := false
	require.NoError(t, l.Post(func() {
		ran = true
		l.Schedule(runFunc(func() {})) // makes the closing loop look at the queue again
	}))
	require.NoError(t, l.Close())
	require.True(t, ran, "a function posted before Close runs")
	require.Equal(t, ErrLoopClosed, l.Post(func() {}), "Post after Close")
	require.EqualValues(t, 0, l.Stats().Panics, "panics")
}

func TestPostToASleepingLoopCostsOneWake(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{})
		r := e.run(l, p)
		r.do(func() {})
		asleep := func() bool { return r.posts.sleeping.Load() }
		for range 20 {
			for !asleep() {
				runtime.Gosched()
			}
			before := p.wakes.Load()
			hold := make(chan struct{})
			done := make(chan struct{})
			require.NoError(t, r.Post(func() { <-hold }))
			for range 100 {
				require.NoError(t, r.Post(func() {}))
			}
			require.NoError(t, r.Post(func() { close(done) }))
			close(hold)
			wait(t, done, "the last posted function")
			require.EqualValues(t, 1, p.wakes.Load()-before, "wake-ups for 102 functions posted to a sleeping loop")
		}
	})
}

func TestPostToABusyLoopCostsNoWake(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{})
		r := e.run(l, p)
		entered, leave, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
		require.NoError(t, r.Post(func() { close(entered); <-leave }))
		wait(t, entered, "the function that keeps the loop busy")
		before := p.wakes.Load()
		var posted atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 1000 {
					if r.Post(func() {}) == nil {
						posted.Add(1)
					}
				}
			})
		}
		all.Wait()
		require.NoError(t, r.Post(func() { close(done) }))
		require.EqualValues(t, 0, p.wakes.Load()-before, "wake-ups for 4001 functions posted to a busy loop")
		close(leave)
		wait(t, done, "the last posted function")
		require.EqualValues(t, 4000, posted.Load())
	})
}
