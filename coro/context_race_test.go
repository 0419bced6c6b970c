package coro

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Goroutines use the contexts of scopes in every way while the loop cancels and
// leaves them: each sees one end, the same with every method, and it stays.
func TestScopeContextIsConsistentForGoroutines(t *testing.T) {
	const goroutines, rounds = 4, 1000
	var wrong atomic.Pointer[string]
	report := func(what string) { wrong.CompareAndSwap(nil, &what) }
	// Run's context ends at last: a cause that comes from a goroutine.
	outside, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)

	err := Config{StallLimit: -1}.Run(outside, func(ctx context.Context) error {
		for round := range rounds {
			var users sync.WaitGroup
			var waiting atomic.Int32
			var timed, scope, shielded context.Context
			err := Timeout(ctx, time.Hour, func(ctx context.Context) error {
				timed = ctx
				return WithScope(ctx, func(s *Scope) error {
					scope = s.Context()
					return Shield(ctx, func(ctx context.Context) error {
						shielded = ctx
						for g := range goroutines {
							users.Go(func() {
								waiting.Add(1)
								use(timed, g, report)
								use(scope, g+1, report)
								use(shielded, g+2, report)
							})
						}
						for waiting.Load() < goroutines { // all of them are at it
							runtime.Gosched()
						}
						switch round % 5 {
						case 0:
							return s.Cancel(errTest)
						case 1:
							(*expiry)(timed.(*cancelScope)).Run()
						case 2:
							go (*cancelScope).publish(timed.(*cancelScope), &errTest) // as a foreign context does
						case 3:
							if round > rounds-10 {
								go cancel(errTest)
							}
						}
						return nil
					})
				})
			})
			users.Wait()
			if shielded == nil || err != nil && !errors.Is(err, errTest) && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			for _, ctx := range []context.Context{timed, scope, shielded} {
				use(ctx, round, report)
			}
		}
		return nil
	})
	require.True(t, err == nil || errors.Is(err, errTest), "Run: got %v, want none, or the cause of its context", err)
	if what := wrong.Load(); what != nil {
		require.Fail(t, *what)
	}
}

// use does with a context what programs do, until it ends; the order differs.
func use(ctx context.Context, order int, report func(string)) {
	derived, cancel := ctx, context.CancelFunc(func() {})
	called := make(chan struct{})
	steps := []func(){
		func() { derived, cancel = context.WithCancel(ctx) },
		func() { _, _ = ctx.Deadline() },
		func() { _ = ctx.Value(valueKey{}) },
		func() { context.AfterFunc(ctx, func() { close(called) }) },
		func() { _ = ctx.Done() },
	}
	for i := range steps {
		steps[(i+order)%len(steps)]()
	}
	defer func() { cancel() }()
	if order%2 == 0 {
		<-ctx.Done()
	} else {
		for ctx.Err() == nil {
			_ = context.Cause(ctx)
			runtime.Gosched()
		}
	}
	err, cause := ctx.Err(), context.Cause(ctx)
	switch {
	case err == nil:
		report("Err is nil after Done")
	case cause == nil:
		report("Cause is nil after the end")
	case contextError(cause) != err:
		report("the cause is " + cause.Error() + ", and Err is " + err.Error())
	}
	select {
	case <-ctx.Done():
	default:
		report("Err is not nil, and Done is open")
	}
	<-derived.Done()
	<-called
	if again := context.Cause(ctx); again != cause || ctx.Err() != err {
		report("the cause was " + cause.Error() + ", and is " + again.Error())
	}
	if got := context.Cause(derived); got != cause || derived.Err() != err {
		report("the cause is " + cause.Error() + ", and that of a derived context " + got.Error())
	}
}
