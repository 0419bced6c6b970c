package coro

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/reactor"
)

// The queue, driven by hand, against a slice: the tasks in it are those that
// came and were neither woken nor cancelled, in the order in which they came.
func TestWaitQueueIsFirstComeFirstServed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, err := reactor.NewLoop(reactor.Options{})
		require.NoError(t, err)
		defer r.Close()
		s := newScope(&loop{reactor: r}, nil, context.Background())
		defer s.end()
		// A task that is always parked: when the loop resumes it, nothing runs.
		parked := func() *task {
			t := &task{state: taskParked, waits: waitQueued, scope: &s.scope}
			t.next = func() (struct{}, bool) { return struct{}{}, true }
			return t
		}

		type entry struct {
			*waiter
			cancelled bool
		}
		var q waitQueue
		var model []*entry // what is in the queue
		t.Repeat(map[string]func(*rapid.T){
			"a task comes": func(*rapid.T) { model = append(model, &entry{waiter: q.add(parked())}) },
			"one is woken": func(t *rapid.T) {
				var want *task
				for len(model) > 0 && want == nil { // a cancelled one is passed over
					if !model[0].cancelled {
						want = model[0].task
					}
					model = model[1:]
				}
				require.Equal(t, want != nil, q.wakeOne(nil), "wakeOne reports whether there was one")
				if want != nil {
					require.Equal(t, taskReady, want.state, "the first task that is not cancelled")
				}
			},
			"one is cancelled": func(t *rapid.T) {
				if len(model) > 0 {
					e := model[rapid.IntRange(0, len(model)-1).Draw(t, "which")]
					e.cancelled = true
					e.task.interrupt(errTest)
				}
			},
			"a cancelled one runs, and leaves": func(*rapid.T) {
				if i := slices.IndexFunc(model, func(e *entry) bool { return e.cancelled }); i >= 0 {
					q.remove(model[i].waiter)
					model = slices.Delete(model, i, i+1)
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(model), q.len, "tasks in the queue")
				var forward, backward []*waiter
				for w := q.first; w != nil; w = w.next {
					forward = append(forward, w)
				}
				for w := q.last; w != nil; w = w.prev {
					backward = append(backward, w)
				}
				slices.Reverse(backward)
				require.Len(t, forward, len(model), "the queue, from the front")
				require.Len(t, backward, len(model), "the queue, from the back")
				for i, e := range model {
					require.True(t, e.queued && e.waiter == forward[i] && e.waiter == backward[i], "place %d in the queue", i)
				}
			},
		})
	})
}

// Tasks come, work inside for some steps and leave, or are cancelled in the
// queue: never more than the limit inside, first come first served, and at the
// end nobody is left.
func TestGateLetsNoMoreThanItsLimitIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		steps := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 20).Draw(t, "steps of each task inside")
		impatient := rapid.SliceOfN(rapid.IntRange(-1, 10), len(steps), len(steps)).Draw(t, "the step at which each is cancelled, -1 for never")
		g := gate{limit: limit}
		inside, last := 0, -1
		var wrong []string
		err := Run(context.Background(), func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				scopes := make([]*Scope, len(steps))
				for i := range steps {
					if err := s.Go(func(ctx context.Context) error {
						_ = WithScope(ctx, func(own *Scope) error {
							scopes[i] = own
							task, _ := currentTaskOf(ctx)
							if err := g.enter(task); err != nil {
								return err
							}
							if i < last {
								wrong = append(wrong, fmt.Sprintf("task %d got in after task %d", i, last))
							}
							last = i
							if inside++; inside > limit {
								wrong = append(wrong, fmt.Sprintf("%d inside a gate of %d", inside, limit))
							}
							for range steps[i] {
								_ = Yield(ctx)
							}
							inside--
							g.leave()
							return nil
						})
						return nil
					}); err != nil {
						return err
					}
				}
				for step := range 11 {
					for i := range impatient {
						if impatient[i] == step && scopes[i] != nil {
							_ = scopes[i].Cancel(nil)
						}
					}
					if err := Yield(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		})
		require.NoError(t, err)
		require.Empty(t, wrong)
		require.Equal(t, gate{limit: limit}, g, "the gate at the end")
	})
}
