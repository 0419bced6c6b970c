package coro

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The property tests of the sync kit drive an object and a model of it with the
// same random calls: tasks that wait, cancellations of them, and calls that never
// wait. The model is the dumbest there is; that it agrees with the object after
// every step is conservation, order and fairness in one.

// modelTest is a run of such a test. Its driver is a task, which does several
// steps in one turn, so that a cancellation and what it races with come before
// the cancelled task runs.
type modelTest struct {
	*rapid.T
	ctx     context.Context
	scope   *Scope
	pending []*call // those that the model has not finished, and those not looked at since
}

// call is a task in an operation of the object.
type call struct {
	scope *Scope
	// What the operation has returned.
	returned bool
	value    any
	err      error
	// What the model says.
	done      bool
	wantValue any
	wantErr   error
}

// onModelLoop runs a check as a task. rapid ends a failed check by a panic, which
// the task makes an error of: it is raised again where rapid expects it.
func onModelLoop(t *rapid.T, check func(m *modelTest)) {
	err := Run(context.Background(), func(ctx context.Context) error {
		return WithScope(ctx, func(s *Scope) error {
			check(&modelTest{T: t, ctx: s.Context(), scope: s})
			return nil
		})
	})
	var failed *PanicError
	if errors.As(err, &failed) {
		// Two places, since rapid tells failures apart by where they came from:
		// running out of random data is none, and must not look like one.
		if fmt.Sprintf("%T", failed.Value) == "rapid.invalidData" {
			panic(failed.Value)
		}
		panic(failed.Value)
	}
	require.NoError(t, err)
}

// start begins an operation in a task and a scope of its own, and lets it run
// until it waits or has returned.
func (m *modelTest) start(operation func(ctx context.Context) (any, error)) *call {
	return m.startThen(operation, func(context.Context) error { return nil })
}

// startThen is start with something for the task to do after an operation without
// an error, when it is out of the scope that cancel cancels.
func (m *modelTest) startThen(operation func(ctx context.Context) (any, error), then func(ctx context.Context) error) *call {
	c := new(call)
	require.NoError(m, m.scope.Go(func(ctx context.Context) error {
		_ = WithScope(ctx, func(s *Scope) error {
			c.scope = s
			c.value, c.err = operation(s.Context())
			c.returned = true
			return nil
		})
		if c.err != nil {
			return nil
		}
		return then(ctx)
	}))
	m.pending = append(m.pending, c)
	require.NoError(m, Yield(m.ctx))
	return c
}

// finish is for the model: the operation is over.
func (c *call) finish(value any, err error) { c.done, c.wantValue, c.wantErr = true, value, err }

// cancel cancels one of the operations that wait, says the model which, and
// returns it; nil if none waits.
func (m *modelTest) cancel() *call {
	waiting := slices.DeleteFunc(slices.Clone(m.pending), func(c *call) bool { return c.done })
	if len(waiting) == 0 {
		return nil
	}
	c := waiting[rapid.IntRange(0, len(waiting)-1).Draw(m.T, "which")]
	require.NoError(m, c.scope.Cancel(errTest))
	c.finish(nil, errTest)
	return c
}

// settle lets all tasks run, and compares what returned.
func (m *modelTest) settle() {
	for range 4 {
		require.NoError(m, Yield(m.ctx))
	}
	for _, c := range m.pending {
		require.Equal(m, c.done, c.returned, "an operation that has returned, want what the model says: %v, %v", c.wantValue, c.wantErr)
		if !c.done {
			continue
		}
		if c.wantErr == nil {
			require.NoError(m, c.err)
			require.Equal(m, c.wantValue, c.value, "the value of an operation")
		} else {
			require.Equal(m, c.wantErr, c.err, "the error of an operation")
		}
	}
	m.pending = slices.DeleteFunc(m.pending, func(c *call) bool { return c.done })
}

// end cancels what still waits.
func (m *modelTest) end() {
	for m.cancel() != nil {
	}
	m.settle()
}

// live counts the tasks that wait in a queue and have not been cancelled, and
// checks its links.
func live[V any](t require.TestingT, q *queueOf[V]) int {
	n, links := 0, 0
	var before *waiterOf[V]
	for w := q.first; w != nil; w = w.next {
		require.True(t, w.queued && w.prev == before, "a waiter's links")
		if w.task.state == taskParked {
			n++
		}
		links++
		before = w
	}
	require.True(t, q.last == before, "the end of a queue")
	require.Equal(t, q.len, links, "the length of a queue")
	return n
}

// without is the list without one.
func without[E comparable](list []E, one E) []E {
	return slices.DeleteFunc(list, func(e E) bool { return e == one })
}
