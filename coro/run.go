package coro

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Config configures a loop with tasks. The zero value works.
type Config struct {
	// Reactor configures the loop underneath.
	Reactor reactor.Options
	// Logger gets what has no other way to the user: panics of tasks that
	// Serve contains, trouble in accepting. slog.Default() by default.
	Logger *slog.Logger
	// Name is the loop's, in what Tasks, Dump, Loops and the watchdog tell.
	Name string
	// StallLimit is how long a turn of the loop may take until the watchdog
	// reports it, with the task that holds the loop up; 100 ms by default,
	// negative for no watchdog. A simulated loop has none.
	StallLimit time.Duration
	// OnStall gets the watchdog's reports, besides the Logger. It is called on
	// the watchdog's goroutine, which serves all loops, and must return: Run
	// waits for it.
	OnStall func(Stall)
	// Measure makes the loop read the clock around every resume of a task: for
	// TaskInfo.Running and LoopStats.SchedulingDelay. A resume takes two times
	// as long with it.
	Measure bool
	// ProfileLabels gives each task's goroutine the profiler's labels
	// "coro.task", its name or the function that spawned it, and "coro.loop".
	// It costs 50 ns for each task.
	ProfileLabels bool
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
// Run locks its goroutine to its thread until it returns. Connections,
// listeners and Signals of the loop are closed with it. Functions of Blocking that
// still run are waited for, though no task does any more. Errors besides main's: those of
// reactor.NewLoop, those of the system's Wait, which cancel main's scope, and
// ErrNested from inside a task, whatever its ctx.
func Run(ctx context.Context, main func(ctx context.Context) error) error {
	return Config{}.run(ctx, main, caller(0))
}

// Run is the function Run with a configuration.
func (c Config) Run(ctx context.Context, main func(ctx context.Context) error) error {
	return c.run(ctx, main, caller(0))
}

func (c Config) run(ctx context.Context, main func(ctx context.Context) error, site uintptr) error {
	if insideLoop() {
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
	r, err := reactor.NewLoop(c.Reactor)
	if err != nil {
		return err
	}
	// Quirk(go): a coroutine must be resumed on the thread, and in the state of
	// thread locks, in which it was made; anything else ends the process with a
	// fatal error. So the lock comes before the first task.
	defer poller.LockThread(r.OS())()

	l := &loop{
		reactor: r, log: c.Logger, maxIdle: c.MaxIdle, done: make(chan struct{}),
		listeners: make(map[*Listener]struct{}), packets: make(map[*PacketConn]struct{}),
		signals: make(map[*Signals]struct{}), readables: make(map[*Scope]*server),
		fairness: fairness{long: -1},
	}
	l.home.Store(currentG())
	root := newScope(l, nil, ctx)
	l.root, l.foreign = root, newScope(l, nil, context.Background())
	l.observe(c)
	loops.add(l)
	defer loops.remove(l)
	if simulated, ok := r.OS().(poller.Simulated); ok {
		simulated.Describe(l.describe)
	} else if c.StallLimit >= 0 {
		l.watch = watchLoop(l, c.StallLimit, c.OnStall)
		defer l.watch.end()
	}
	defer root.scope.watch(ctx)()

	l.spawn(&root.scope, main, site)
	err = l.turnUntil(root)
	l.foreign.scope.cancel(reactor.ErrLoopClosed)
	err = errors.Join(err, l.turnUntil(l.foreign))
	return joinOne(root.end(), errors.Join(err, l.close()))
}

// turnUntil turns the loop until an outermost scope has no tasks any more. If
// the system fails to wait, its tasks are cancelled: with nobody to wake them,
// that is how they can still end.
func (l *loop) turnUntil(s *Scope) error {
	l.awaited = s
	var failed error
	for s.children > 0 {
		if l.watch != nil {
			l.watch.turn()
		}
		if err := l.reactor.Turn(-1); err != nil && failed == nil {
			failed = err
			s.scope.cancel(err)
		}
	}
	return failed
}

// close ends the loop: every task has ended.
func (l *loop) close() error {
	l.ended = true
	_ = l.foreign.end()
	for ln := range l.listeners {
		_ = ln.close()
	}
	for c := range l.packets {
		_ = c.close()
	}
	for s := range l.signals {
		s.close()
	}
	l.pipes.close(l.reactor.OS())
	err := l.reactor.Close()
	for _, t := range l.idle {
		l.retire(t)
	}
	l.idle = nil
	l.running.Store(0)
	l.home.Store(0)
	close(l.done)
	l.helpers.Wait()
	return err
}

// loops are all that run in this process.
var loops loopSet

type loopSet struct {
	mu   sync.RWMutex
	set  map[*loop]struct{}
	last int // number given to a loop
}

func (s *loopSet) add(l *loop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		s.set = make(map[*loop]struct{})
	}
	s.last++
	l.number = s.last
	s.set[l] = struct{}{}
}

func (s *loopSet) remove(l *loop) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.set, l)
}

// insideLoop reports whether the caller is a task of any loop, or runs on a
// loop's own goroutine.
func insideLoop() bool {
	_, on := callingLoop()
	return on != nil
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
