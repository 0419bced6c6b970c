package coro

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Random trees of scopes, tasks, daemons, timeouts, shields and foreign contexts,
// whose tasks yield, sleep, wait for what never comes, fail, panic, cancel, and
// let timeouts pass. Which operations must fail, and with what, tells a model
// (tree_model_test.go). Nothing outlives its scope, every task ends, and no
// failure is lost.
func TestScopeTreesKeepTheirPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := drawPlan(t, 4)
		r := &treeRun{log: new(records)}
		err := Config{Logger: slog.New(r.log)}.Run(context.Background(), func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				root := r.open(&treeNode{ctx: s.Context(), scope: s})
				if err := s.Go(func(ctx context.Context) error { r.nested(root, plan); return nil }); err != nil {
					return err
				}
				for range 50 {
					if Yield(ctx) != nil {
						return nil // somebody has cancelled everything
					}
				}
				r.cancel(root, errTheEnd)
				return s.Cancel(errTheEnd) // for those that still wait
			})
		})
		require.NoError(t, err)
		require.Empty(t, r.broken)
		require.Equal(t, r.started, r.ended, "tasks that ended, of those that started")
		require.Equal(t, r.spawned, r.started, "tasks that started, of those that were spawned")
		told := strings.Join(r.log.lines(), "\n")
		for _, failure := range r.untold {
			require.Contains(t, told, failure.Error(), "the log: a failure that no scope returns")
		}
	})
}

var errTheEnd = errors.New("the end of the test")

// step is one thing that a body does.
type step struct {
	does  string
	level int    // how far out: what it cancels, and the context that it uses
	obeys bool   // returns when the operation fails, with its error
	plan  []step // of what is inside
}

func drawPlan(t *rapid.T, depth int) []step {
	kinds := []string{"yield", "yield", "sleep", "wait", "fail", "panic", "cancel", "expire", "end the foreign context"}
	if depth > 0 {
		kinds = append(kinds, "task", "task", "task", "daemon", "scope", "scope", "scope under a foreign context", "timeout", "timeout", "shield")
	}
	var plan []step
	for range rapid.IntRange(0, 4).Draw(t, "steps") {
		s := step{does: rapid.SampledFrom(kinds).Draw(t, "does"), level: rapid.IntRange(0, 3).Draw(t, "level"), obeys: rapid.Bool().Draw(t, "obeys")}
		switch s.does {
		case "task", "daemon", "scope", "scope under a foreign context", "timeout", "shield":
			s.plan = drawPlan(t, depth-1)
		}
		plan = append(plan, s)
	}
	return plan
}

// treeRun carries plans out and keeps the account.
type treeRun struct {
	treeModel
	log                     *records
	spawned, started, ended int
	timeouts, failed        int
	untold                  []error // failures that only the log can tell
	broken                  []string
}

func (r *treeRun) wrong(format string, args ...any) {
	r.broken = append(r.broken, fmt.Sprintf(format, args...))
}

// failure is an error that must not be lost; a wrapper tells it from others.
type failure struct{ error }

func (r *treeRun) failure() error {
	r.failed++
	return failure{fmt.Errorf("failure %d.", r.failed)}
}

func isFailure(err error) bool { _, ok := err.(failure); return ok }

// nested is a plan as the body of a scope in the node at, and looks at what the
// scope returns.
func (r *treeRun) nested(at *treeNode, plan []step) { r.under(at, at.ctx, nil, plan) }

func (r *treeRun) under(at *treeNode, ctx context.Context, foreign context.CancelFunc, plan []step) {
	var n *treeNode
	sure := !at.mayBeCancelled()
	before := at.cause
	panicked := true
	var err error
	defer func() {
		value := recover()
		if n == nil {
			if sure && before == nil {
				r.wrong("WithScope refuses to begin in a scope that is not cancelled: %v", err)
			}
			return
		}
		if n.children != 0 || n.daemons != 0 {
			r.wrong("%d tasks and %d daemons outlive their scope", n.children, n.daemons)
		}
		r.close(n)
		switch {
		case panicked:
			if _, ok := value.(failure); !ok {
				panic(value)
			}
			for _, failure := range n.failures {
				if failure != value {
					r.untold = append(r.untold, failure)
				}
			}
		case err != nil && len(n.failures) == 0 && n.cause == nil && !n.mayBeCancelled() && (n.helpers == nil || !n.helpers.unsure):
			r.wrong("a scope in which nothing fails or is cancelled returns %v", err)
		case len(n.failures) <= maxErrors:
			for _, failure := range n.failures {
				if !errors.Is(err, failure) {
					r.wrong("%v is lost: the scope returns %v", failure, err)
				}
			}
		}
	}()
	err = WithScope(ctx, func(s *Scope) (err error) {
		if before != nil {
			r.wrong("WithScope begins in a cancelled scope")
		}
		n = r.open(&treeNode{parent: at, ctx: s.Context(), scope: s, foreign: foreign})
		defer func() {
			value := recover()
			if value == nil {
				r.bodyEnded(n, err, isFailure(err))
				return
			}
			failed, _ := value.(error)
			n.failures = append(n.failures, failed)
			r.bodyEnded(n, errBodyLeft, false)
			panic(value)
		}()
		return r.steps(n, n, plan)
	})
	panicked = false
}

// steps does a plan in the node at, as the body or a task of the scope in.
func (r *treeRun) steps(at, in *treeNode, plan []step) error {
	for _, step := range plan {
		chain := at.outward()
		further := chain[min(step.level, len(chain)-1)]
		var err error
		switch step.does {
		case "yield":
			err = r.operation(at, further.ctx, Yield)
		case "sleep":
			err = r.operation(at, further.ctx, func(ctx context.Context) error { return Sleep(ctx, 1) })
		case "wait":
			if !at.inShield() {
				err = r.operation(at, further.ctx, new(Event).Wait)
			}
		case "fail":
			return r.failure()
		case "panic":
			panic(r.failure())
		case "cancel":
			if further.scope != nil {
				cause := fmt.Errorf("cancellation of level %d", step.level)
				r.cancel(further, cause)
				_ = further.scope.Cancel(cause)
			}
		case "expire":
			if s, ok := further.ctx.(*cancelScope); ok && s.deadline != 0 {
				r.cancel(further, &TimeoutError{Limit: s.limit})
				(*expiry)(s).Run()
			}
		case "end the foreign context":
			for _, n := range chain {
				if n.foreign != nil {
					n.unsure = true
					n.foreign()
					break
				}
			}
		case "task", "daemon":
			r.spawn(in, step.does == "daemon", step.plan)
		case "scope":
			r.under(at, further.ctx, nil, step.plan)
		case "scope under a foreign context":
			ctx, cancel := context.WithCancel(at.ctx)
			r.under(at, ctx, cancel, step.plan)
			cancel()
		case "timeout":
			r.timeouts++
			err = Timeout(further.ctx, time.Hour+time.Duration(r.timeouts), func(ctx context.Context) error {
				return r.inside(&treeNode{parent: at, ctx: ctx}, in, step.plan)
			})
		case "shield":
			err = Shield(further.ctx, func(ctx context.Context) error {
				return r.inside(&treeNode{parent: at, ctx: ctx, shielded: true}, in, step.plan)
			})
		}
		if again := r.operation(at, at.ctx, Yield); err == nil && step.obeys {
			err = again
		}
		if err != nil && (step.obeys || isFailure(err)) {
			return err
		}
	}
	return nil
}

func (r *treeRun) inside(n, in *treeNode, plan []step) error {
	r.open(n)
	defer r.close(n)
	return r.steps(n, in, plan)
}

func (r *treeRun) spawn(n *treeNode, daemon bool, plan []step) {
	r.spawned++
	at, spawn := n, n.scope.Go
	n.children++
	if daemon {
		n.children--
		n.daemons++
		spawn = n.scope.Daemon
		if n.helpers == nil {
			n.helpers = r.open(&treeNode{parent: n})
		}
		at = n.helpers
	}
	err := spawn(func(ctx context.Context) (err error) {
		r.started++
		at.ctx = ctx
		defer func() {
			r.ended++
			value := recover()
			if value == nil {
				r.taskEnded(n, daemon, err, isFailure(err))
				return
			}
			failed, _ := value.(error)
			r.taskEnded(n, daemon, failed, true)
			panic(value)
		}()
		return r.steps(at, n, plan)
	})
	if err != nil {
		r.wrong("spawning in a scope that has not ended: %v", err)
	}
}

// operation does one, and compares how it ends, and what the context tells, with
// the model. Its error is no failure of its task's own, even if it is that of
// another one.
func (r *treeRun) operation(at *treeNode, ctx context.Context, do func(context.Context) error) error {
	before := at.cause
	err := do(ctx)
	if !at.mayBeCancelled() {
		r.compare(at, before, err)
	}
	if err != nil {
		return fmt.Errorf("an operation: %w", err)
	}
	return nil
}

func (r *treeRun) compare(at *treeNode, before, err error) {
	switch {
	case before != nil && err == nil:
		r.wrong("an operation in a scope that was cancelled by %v succeeds", before)
	case err != nil && at.cause == nil:
		r.wrong("an operation in a scope that is not cancelled fails: %v", err)
	case err != nil && !sameCause(err, at.cause):
		r.wrong("an operation fails with %v, want %v", err, at.cause)
	}
	switch told := context.Cause(at.ctx); {
	case (told == nil) != (at.cause == nil) || (at.ctx.Err() == nil) != (at.cause == nil):
		r.wrong("the context tells %v, want %v", told, at.cause)
	case told != nil && !sameCause(told, at.cause):
		r.wrong("the context's cause is %v, want %v", told, at.cause)
	}
}
