package coro

import (
	"context"
	"errors"
	"log/slog"
	"runtime"

	"github.com/weft-go/weft/reactor"
)

// Config configures a loop with tasks. The zero value works.
type Config struct {
	// Reactor configures the loop underneath.
	Reactor reactor.Options
	// Logger gets what has no other way to the user: panics of tasks that
	// Serve contains, trouble in accepting. slog.Default() by default.
	Logger *slog.Logger
	// MaxIdle is how many finished coroutines are kept for new tasks; 4096 by
	// default. Each holds about 3 KB.
	MaxIdle int
}

// Run makes a loop on the calling goroutine, runs main as its first task, and
// returns main's error when main has ended, and with it every task it spawned:
// no task outlives the scope it was spawned in. A panic in main is returned as
// a *PanicError. When ctx ends, main's scope is cancelled, with ctx's cause as
// the error of every operation.
//
// Run locks its goroutine to its thread until it returns. Connections and
// listeners of the loop are closed with it. Errors besides main's: those of
// reactor.NewLoop, and ErrNested from inside a task.
func Run(ctx context.Context, main func(ctx context.Context) error) error {
	return Config{}.run(ctx, main, caller(0))
}

// Run is the function Run with a configuration.
func (c Config) Run(ctx context.Context, main func(ctx context.Context) error) error {
	return c.run(ctx, main, caller(0))
}

func (c Config) run(ctx context.Context, main func(ctx context.Context) error, site uintptr) error {
	if _, err := currentTaskOf(ctx); err == nil {
		return ErrNested
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Reactor.Logger == nil {
		c.Reactor.Logger = c.Logger
	}
	if c.MaxIdle <= 0 {
		c.MaxIdle = defaultMaxIdle
	}
	// Quirk(go): a coroutine must be resumed on the thread, and in the state of
	// thread locks, in which it was made; anything else ends the process with a
	// fatal error. So the lock comes before the first task.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	r, err := reactor.NewLoop(c.Reactor)
	if err != nil {
		return err
	}
	l := &loop{reactor: r, log: c.Logger, maxIdle: c.MaxIdle, home: currentG()}
	l.lookups.limit = maxLookups
	root := newScope(l, nil, ctx)
	l.foreign = newScope(l, nil, context.Background())
	stop := context.AfterFunc(ctx, func() {
		_ = r.Post(func() { root.cancel(context.Cause(ctx)) }) // a closed loop has no main any more
	})
	defer stop()
	if ctx.Err() != nil {
		root.cancel(context.Cause(ctx))
	}

	l.spawn(root, main, site)
	err = l.turnUntil(func() bool { return root.children == 0 })
	l.foreign.cancel(reactor.ErrLoopClosed)
	err = errors.Join(err, l.turnUntil(func() bool { return l.foreign.children == 0 }))
	return joinOne(root.end(), errors.Join(err, l.close()))
}

// turnUntil turns the loop until done.
func (l *loop) turnUntil(done func() bool) error {
	for !done() {
		if err := l.reactor.Turn(-1); err != nil {
			return err
		}
	}
	return nil
}

// close ends the loop: every task has ended.
func (l *loop) close() error {
	l.ended = true
	l.foreign.end()
	err := l.reactor.Close()
	for _, t := range l.idle {
		l.retire(t)
	}
	l.idle = nil
	l.helpers.Wait()
	return err
}

// joinOne is errors.Join that leaves a single error as it is.
func joinOne(errs ...error) error {
	var only error
	n := 0
	for _, err := range errs {
		if err != nil {
			only = err
			n++
		}
	}
	if n < 2 {
		return only
	}
	return errors.Join(errs...)
}
