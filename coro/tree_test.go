package coro

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Random trees of scopes and tasks, which yield, wait for what never comes, fail,
// panic and cancel: nothing outlives its scope, every task ends, and no failure
// is lost.
func TestScopeTreesKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := drawPlan(t, 4)
		r := &treeRun{log: new(records)}
		err := Config{Logger: slog.New(r.log)}.Run(context.Background(), func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				if err := s.Go(func(ctx context.Context) error { return r.scope(ctx, plan) }); err != nil {
					return err
				}
				for range 50 {
					if err := Yield(ctx); err != nil {
						return err
					}
				}
				return s.Cancel(errTheEnd) // for those that still wait
			})
		})
		require.Empty(t, r.broken)
		require.Equal(t, r.started, r.ended, "tasks that ended, of those that started")
		require.Equal(t, r.spawned, r.started, "tasks that started, of those that were spawned")
		told := strings.Join(r.log.lines(), "\n")
		for _, failure := range r.failures {
			if !errors.Is(err, failure) && !strings.Contains(told, failure.Error()) {
				require.Fail(t, "a failure is lost", "%v is not in the result, %v, nor in the log, %q", failure, err, told)
			}
		}
		if len(r.failures) == 0 && r.cancels == 0 {
			require.True(t, err == nil || errors.Is(err, errTheEnd), "the result of a tree in which nothing fails: got %v", err)
		}
	})
}

var errTheEnd = errors.New("the end of the test")

// step is one thing that a body does.
type step struct {
	does string
	plan []step // of a task or a scope
}

func drawPlan(t *rapid.T, depth int) []step {
	kinds := []string{"yield", "yield", "wait", "fail", "panic", "cancel"}
	if depth > 0 {
		kinds = append(kinds, "task", "task", "task", "scope", "scope")
	}
	var plan []step
	for range rapid.IntRange(0, 4).Draw(t, "steps") {
		s := step{does: rapid.SampledFrom(kinds).Draw(t, "does")}
		if s.does == "task" || s.does == "scope" {
			s.plan = drawPlan(t, depth-1)
		}
		plan = append(plan, s)
	}
	return plan
}

// treeRun carries plans out and keeps the account.
type treeRun struct {
	log                     *records
	spawned, started, ended int
	cancels                 int
	failures                []error
	broken                  []string
}

// scope is a plan as the body of a scope.
func (r *treeRun) scope(ctx context.Context, plan []step) error {
	inside := 0 // tasks of this scope
	defer func() {
		if inside > 0 {
			r.broken = append(r.broken, fmt.Sprintf("%d tasks outlive their scope", inside))
		}
	}()
	return WithScope(ctx, func(s *Scope) error { return r.steps(s, &inside, s.Context(), plan) })
}

func (r *treeRun) steps(s *Scope, inside *int, ctx context.Context, plan []step) error {
	for _, step := range plan {
		var err error
		switch step.does {
		case "yield":
			err = Yield(ctx)
		case "wait":
			err = new(Event).Wait(ctx)
		case "fail":
			return r.failure()
		case "panic":
			panic(r.failure())
		case "cancel":
			r.cancels++
			err = s.Cancel(fmt.Errorf("cancellation %d", r.cancels))
		case "scope":
			err = r.scope(ctx, step.plan)
		case "task":
			r.spawned++
			*inside++
			err = s.Go(func(ctx context.Context) error {
				r.started++
				defer func() { r.ended++; *inside-- }()
				return r.steps(s, inside, ctx, step.plan)
			})
		}
		if s.scope.cause != nil && step.does != "cancel" {
			if again := Yield(ctx); again == nil {
				r.broken = append(r.broken, "an operation in a cancelled scope succeeds")
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *treeRun) failure() error {
	err := fmt.Errorf("failure %d.", len(r.failures))
	r.failures = append(r.failures, err)
	return err
}
