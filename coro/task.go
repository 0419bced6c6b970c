package coro

import (
	"context"
	"iter"
	"runtime/debug"

	"github.com/weft-go/weft/reactor"
)

// task is a function that runs on a coroutine of its loop, and that coroutine:
// finished tasks are kept and given another function, since making a coroutine
// takes a microsecond and six allocations.
//
// A coroutine is one of package iter's. Resuming it is a call of next, and the
// direct switch between two goroutines that this is costs a tenth of a switch
// through a channel.
type task struct {
	loop *loop
	fn   func(context.Context) error
	// scope is the innermost one the task is in, and the one whose
	// cancellation it feels; links is its place in that scope's list.
	scope *Scope
	links taskLinks
	site  uintptr // where it was spawned, a return address

	next  func() (struct{}, bool) // to the coroutine
	yield func(struct{}) bool     // back to the loop
	g     uintptr                 // the coroutine's identity; see currentG

	state taskState
	waits waitKind
	// contained: its failure is logged, and does not reach the scope.
	contained bool

	parks  uint32 // counts waits, so that a late wake-up finds another number
	result error  // of the wait, or of the function
	timer  *reactor.Timer
}

// taskState is where a task is in its life.
//
//	        spawn            resume
//	idle -----------> ready --------> running
//	 ^                  ^             |  |  |
//	 |                  |    wake     |  |  |  Goexit
//	 |                  '-- parked <--'  |  '---------> lost
//	 |                          park     |
//	 '-----------------------------------'
//	                 finished
type taskState uint8

const (
	taskIdle    taskState = iota // in the pool, without a function
	taskReady                    // in the loop's queue
	taskRunning                  // the one that runs
	taskParked                   // waits for something to call wake
	taskLost                     // called runtime.Goexit: parked for good
)

func (s taskState) String() string {
	return [...]string{"idle", "ready", "running", "parked", "lost"}[s]
}

// waitKind is what a parked task waits for.
type waitKind uint8

const (
	waitNothing  waitKind = iota
	waitRead              // a connection's or listener's input
	waitWrite             // room for output, or a connect
	waitTimer             // Sleep
	waitQueued            // an Event, or a turn at a connection
	waitBlocking          // a goroutine off the loop
	waitChildren          // the tasks of a scope; not to be cancelled
)

func (k waitKind) String() string {
	return [...]string{"nothing", "read", "write", "timer", "queue", "blocking call", "children"}[k]
}

// newTask makes a task with a new coroutine, which starts with the first
// resume.
func newTask(l *loop) *task {
	t := &task{loop: l}
	t.next, _ = iter.Pull(func(yield func(struct{}) bool) { t.coroutine(yield) })
	return t
}

// coroutine is what runs on the task's coroutine: one function after another,
// until it is resumed without one.
func (t *task) coroutine(yield func(struct{}) bool) {
	t.yield = yield
	t.g = currentG()
	t.loop.running.Store(t.g)
	for t.fn != nil {
		t.call()
		t.state = taskIdle
		yield(struct{}{})
	}
}

// call runs the task's function, and turns every way it can end into a result.
func (t *task) call() {
	returned := false
	defer func() {
		if returned {
			return
		}
		if value := recover(); value != nil {
			t.result = &PanicError{Value: value, Stack: debug.Stack(), Spawned: spawnSite(t.site)}
			return
		}
		// Neither returned nor panicked: runtime.Goexit, which nothing stops.
		// It would end the goroutine, and with it the loop's, which is the
		// one that called next. So the loop is told, and this coroutine stays
		// here for good.
		t.result = &GoexitError{Spawned: spawnSite(t.site)}
		t.state = taskLost
		t.yield(struct{}{})
	}()
	t.result = t.fn(t.scope.ctx)
	returned = true
}

// Run resumes the task until it parks, yields or ends. The loop calls it from
// the batch.
func (t *task) Run() {
	l := t.loop
	t.state = taskRunning
	l.current = t
	l.operations = operationsPerResume
	l.running.Store(t.g)
	t.next()
	l.current = nil
	switch t.state {
	case taskIdle, taskLost:
		l.finished(t)
	}
}

// park suspends the running task until wake, whose argument it returns.
func (t *task) park(kind waitKind) error {
	t.state, t.waits = taskParked, kind
	t.parks++
	t.yield(struct{}{})
	t.waits = waitNothing
	err := t.result
	t.result = nil
	return err
}

// wake makes a parked task ready, with the result of its wait. It reports false,
// and does nothing, for a task that something else has woken already: then what
// the caller had for it goes to somebody else.
func (t *task) wake(result error) bool {
	if t.state != taskParked {
		return false
	}
	t.state, t.result = taskReady, result
	t.loop.reactor.Schedule(t)
	return true
}

// Ready is wake, for reactor.Source, whose waiter a task is.
func (t *task) Ready(err error) { t.wake(err) }

// interrupt wakes a task because its scope was cancelled.
func (t *task) interrupt(cause error) {
	if t.waits != waitChildren {
		t.wake(cause)
	}
}

// pass lets everyone else have a turn: to the end of the queue.
func (t *task) pass() {
	t.state = taskReady
	t.loop.reactor.Schedule(t)
	t.yield(struct{}{})
}

// checkpoint begins every operation that may suspend. It fails in a cancelled
// scope, and makes a task that never has to wait let the others run.
func (t *task) checkpoint() error {
	if t.scope.cause != nil {
		return t.scope.cause
	}
	if t.loop.operations--; t.loop.operations < 0 {
		t.pass()
		return t.scope.cause
	}
	return nil
}

// operationsPerResume is how many operations a task may complete without
// waiting before it is made to yield.
//
// Bound: 32 echoes are about 200 us, for which one connection that always has
// data may hold up the others.
const operationsPerResume = 32

// await waits for a direction of a source.
func (t *task) await(s *reactor.Source, d reactor.Direction) error {
	if err := s.Await(d, t); err != nil {
		return err
	}
	kind := waitRead
	if d == reactor.Out {
		kind = waitWrite
	}
	err := t.park(kind)
	if err != nil {
		s.Cancel(d) // cancelled: leave nothing behind
	}
	return err
}
