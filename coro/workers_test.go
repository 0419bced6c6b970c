package coro

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The queue of a Workers, driven by hand, against two slices.
func TestWorkersAreFirstComeFirstServedWithinTheirLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		w := NewWorkers("model", limit)
		l := new(loop)
		var queue, running []*job // what the model says
		gone := map[*job]bool{}   // of those that run: nobody waits any more
		helpers := 0
		var done uint64
		pick := func(t *rapid.T, jobs []*job) int { return rapid.IntRange(0, len(jobs)-1).Draw(t, "which") }
		t.Repeat(map[string]func(*rapid.T){
			"a job comes": func(t *rapid.T) {
				j := &job{workers: w, loop: l}
				l.helpers.Add(1)
				helpers++
				starts := w.admit(j)
				require.Equal(t, len(running) < limit, starts, "admit reports whether there was a place")
				if starts {
					running = append(running, j)
				} else {
					queue = append(queue, j)
				}
			},
			"a function returns": func(t *rapid.T) {
				if len(running) == 0 {
					return
				}
				i := pick(t, running)
				j := running[i]
				running = slices.Delete(running, i, i+1)
				var first *job
				if len(queue) > 0 {
					first, queue = queue[0], queue[1:]
					running = append(running, first)
				}
				next, wanted := w.leave(j)
				l.helpers.Done()
				helpers--
				done++
				require.True(t, next == first, "the one that is next: want the first in the queue")
				require.Equal(t, !gone[j], wanted, "leave reports whether a task waits")
				if wanted {
					require.Equal(t, jobDone, j.state)
					require.True(t, w.withdraw(j), "what has completed is never cancelled")
				}
			},
			"a waiting one is cancelled": func(t *rapid.T) {
				if len(queue) > 0 {
					i := pick(t, queue)
					require.False(t, w.withdraw(queue[i]))
					require.Equal(t, jobWithdrawn, queue[i].state)
					require.False(t, w.withdraw(queue[i]), "and again")
					queue = slices.Delete(queue, i, i+1)
					helpers--
				}
			},
			"a running one is cancelled": func(t *rapid.T) {
				if len(running) > 0 {
					j := running[pick(t, running)]
					require.False(t, w.withdraw(j))
					require.Equal(t, jobAbandoned, j.state)
					gone[j] = true
				}
			},
			"": func(t *rapid.T) {
				want := WorkersStats{Name: "model", Limit: limit, Running: len(running), Waiting: len(queue), Done: done}
				require.Equal(t, want, w.Stats())
				for _, j := range queue {
					require.Equal(t, jobQueued, j.state)
				}
				for _, j := range running {
					require.Equal(t, gone[j], j.state == jobAbandoned)
					require.False(t, w.isDone(j))
				}
			},
		})
		for range helpers { // as many as are counted: one more panics
			l.helpers.Done()
		}
		l.helpers.Wait()
	})
}

func TestWorkersOfNoLimitRunOneAtATime(t *testing.T) {
	require.Equal(t, WorkersStats{Limit: 1}, new(Workers).Stats())
	require.Equal(t, WorkersStats{Name: "none", Limit: 1}, NewWorkers("none", -1).Stats())
	require.Equal(t, 64, DefaultWorkers().Stats().Limit, "as Blocking's documentation says")
}

// A function that never began is not one that Run waits for.
func TestNoWorkersFailTheTaskAndNotTheLoop(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		ended := make(chan error, 1)
		go func() {
			ended <- e.config().Run(context.Background(), func(ctx context.Context) error {
				_, err := BlockingOn(ctx, nil, func() (int, error) { return 0, nil })
				return err
			})
		}()
		require.ErrorAs(t, wait(t, ended, "the end of Run"), new(*PanicError))
	})
}

// Tasks of several loops, some of which are cancelled at any moment, and panics
// among their functions: the limit holds, and nothing is left.
func TestWorkersOfManyLoopsKeepTheirLimit(t *testing.T) {
	const loops, tasks, limit = 4, 200, 3
	w := NewWorkers("shared", limit)
	var inside, most, ran, panics atomic.Int64
	fn := func() (int, error) {
		now := inside.Add(1)
		defer inside.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		if n := ran.Add(1); n%7 == 0 {
			panics.Add(1)
			panic("every seventh")
		}
		return 1, nil
	}
	var all sync.WaitGroup
	for range loops {
		all.Go(func() {
			e := &env{t: t, log: new(records)}
			err := e.runWith(Config{Logger: e.log.logger()}, func(ctx context.Context) error {
				for i := range tasks {
					_ = WithScope(ctx, func(s *Scope) error { // one for each: a panic must not cancel the others
						for range 3 {
							if err := s.Go(func(ctx context.Context) error { _, err := BlockingOn(ctx, w, fn); return err }); err != nil {
								return err
							}
						}
						for range i % 5 {
							if err := Yield(ctx); err != nil {
								return nil
							}
						}
						if i%2 == 0 {
							return s.Cancel(nil)
						}
						return nil
					})
				}
				return nil
			})
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, most.Load(), int64(limit), "functions at a time, as they count themselves")
	require.Zero(t, inside.Load())
	require.Equal(t, WorkersStats{Name: "shared", Limit: limit, Done: uint64(ran.Load()), Panics: uint64(panics.Load())}, w.Stats())
}

// Whatever loop they come from, functions start in the order of their coming.
func TestWorkersServeTheLoopsInOrder(t *testing.T) {
	w := NewWorkers("order", 1)
	release := make(chan struct{})
	var order []int // the one worker's
	queued := make(chan struct{})
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			err := Run(context.Background(), func(ctx context.Context) error {
				return WithScope(ctx, func(s *Scope) error {
					if err := s.Go(func(ctx context.Context) error {
						_, err := BlockingOn(ctx, w, func() (int, error) {
							if i == 0 {
								<-release
							}
							order = append(order, i)
							return 0, nil
						})
						return err
					}); err != nil {
						return err
					}
					err := Yield(ctx)
					queued <- struct{}{}
					return err
				})
			})
			if err != nil {
				t.Errorf("Run of loop %d: %v", i, err)
			}
		})
		wait(t, queued, "a loop's function in the queue")
	}
	stats := w.Stats()
	close(release)
	all.Wait()
	require.Equal(t, WorkersStats{Name: "order", Limit: 1, Running: 1, Waiting: 4}, stats)
	require.Equal(t, []int{0, 1, 2, 3, 4}, order)
}
