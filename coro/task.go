package coro

import (
	"context"
	"iter"
	"net"
	"runtime/trace"
	"time"
	"unsafe"

	"github.com/weft-go/weft/reactor"
)

// task is a function that runs on a coroutine of its loop, and that coroutine:
// finished tasks are kept and given another function, since making a coroutine
// takes a microsecond and six allocations.
//
// A coroutine is one of package iter's. Resuming it is a call of next: a direct
// switch between two goroutines, and one back when it parks. The two together cost
// a fifth of the same through two channels.
//
// Bound: 160 bytes, a size class of the allocator. A test counts what a parked
// task costs, and it is not far from its bound.
type task struct {
	// What it runs is fn, or under Serve handler with conn: there the connection
	// is closed at the end, and a failure is logged and does not reach the scope.
	fn      func(context.Context) error
	handler func(context.Context, net.Conn) error
	conn    *Conn
	// scope is the innermost one the task is in, and the one whose
	// cancellation it feels; links is its place in the list of the one it was
	// spawned in. An idle task is in none.
	scope *cancelScope
	links taskLinks
	site  uintptr // where it was spawned, a return address
	id    uint64  // of this life: a task object is used again, a number is not

	next  func() (struct{}, bool) // to the coroutine
	yield func(struct{}) bool     // back to the loop
	g     uintptr                 // the coroutine's identity; see currentG
	sp    uintptr                 // about where its stack ended at the last park; see warm

	state taskState
	waits waitKind
	parks uint32 // counts waits, so that a late wake-up finds another number

	since  time.Duration   // when it became what it is, ready or parked; see loop.moment
	source *reactor.Source // which it waits for

	result error          // of the wait, or of the function
	timer  *reactor.Timer // made by its first Sleep
}

// loop is the loop of a task that is not idle.
func (t *task) loop() *loop { return t.scope.loop }

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
	waitChildren          // the tasks of a scope, a process that was killed; not to be cancelled
	waitSignal            // a signal to this process
	waitProcess           // the end of a child process
	waitSend              // a receiver, or room, in a Chan
	waitReceive           // a value, of a Chan, Broadcast, Watch or Inbox
	waitSelect            // the first of several
	waitLock              // a Mutex
	waitAcquire           // a Semaphore
	waitCond              // a Cond's signal
	waitAnswers           // what other loops say to a question; not to be cancelled
	waitCall              // another loop, which does something for this one
	waitDial              // the answers of name servers, several connects, the moment for one more
)

func (k waitKind) String() string {
	return [...]string{"nothing", "read", "write", "timer", "queue", "blocking call", "children", "signal", "process",
		"send", "receive", "select", "lock", "acquire", "condition", "other loops", "another loop", "dial"}[k]
}

// cancellable reports whether the end of the task's scope ends such a wait.
func (k waitKind) cancellable() bool { return k != waitChildren && k != waitAnswers }

// newTask makes a task with a new coroutine, which starts with the first
// resume. It runs one function after another, until it is resumed without one.
func newTask() *task {
	t := new(task)
	t.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		dropLabels() // a new goroutine has those of the task that spawned this one
		t.yield, t.g = yield, currentG()
		t.loop().running.Store(t.g)
		defer t.lose()
		for t.scope != nil {
			t.call()
			t.state = taskIdle
			yield(struct{}{})
		}
	})
	return t
}

// call runs the task's function. A panic is its result.
func (t *task) call() {
	defer func() {
		if value := recover(); value != nil {
			t.result = asPanic(value, t.name(), t.site)
		}
	}()
	switch {
	case t.loop().labels != nil || trace.IsEnabled():
		t.result = t.callSeen()
	case t.handler != nil:
		t.result = t.handler(t.scope, t.conn)
	default:
		t.result = t.fn(t.scope)
	}
}

// lose is deferred around the functions of a task, and is where one ends that
// has called runtime.Goexit, which nothing stops: not even a panic on the way
// that call has recovered. It would end the goroutine, and with it the loop's,
// which is the one that called next. So the loop is told, and this coroutine
// stays here for good.
func (t *task) lose() {
	if t.scope == nil {
		return // retired
	}
	t.result = joinOne(t.result, &GoexitError{Name: t.name(), Spawned: spawnSite(t.site)})
	t.state = taskLost
	t.yield(struct{}{})
}

// Run resumes the task until it parks, yields or ends. The loop calls it from
// the batch.
func (t *task) Run() {
	l := t.loop()
	t.state = taskRunning
	l.current = t
	l.operations = operationsPerResume
	l.running.Store(t.g)
	if l.meter != nil {
		t.resumeMeasured(l)
	} else {
		t.next()
	}
	l.current = nil
	switch t.state {
	case taskIdle, taskLost:
		l.finished(t)
	}
}

// park suspends the running task until wake, whose argument it returns. In a
// cancelled scope it returns at once. The scope may have been cancelled since
// the operation's checkpoint: while the task was woken for another try, so that
// nobody was there to interrupt.
//
// It is made of three parts for those who cannot afford its frame: prepare, the
// switch, and resumed. A switch leaves the processor's prediction of returns
// behind, so every function that returns after it costs a misprediction.
func (t *task) park(kind waitKind) error {
	if cause := t.prepare(kind); cause != nil {
		return cause
	}
	if trace.IsEnabled() {
		t.yieldTraced(kind)
	} else {
		t.yield(struct{}{})
	}
	return t.resumed()
}

func (t *task) prepare(kind waitKind) error {
	t.parks++
	if cause := t.scope.cause; cause != nil && kind.cancellable() {
		return cause
	}
	t.state, t.waits, t.since = taskParked, kind, t.loop().reactor.Now()
	var here byte
	t.sp = uintptr(unsafe.Pointer(&here))
	return nil
}

func (t *task) resumed() error {
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
	l := t.loop()
	t.state, t.result, t.since = taskReady, result, l.stamp()
	l.reactor.Schedule(t)
	return true
}

// Ready is wake, for reactor.Source, whose waiter a task is.
func (t *task) Ready(err error) {
	t.warm()
	t.wake(err)
}

// warm brings what a resumed task touches first into the cache: the goroutine's
// descriptor, the frames it returns through, and the room below for those it
// calls. The task runs after the rest of the batch's events, so the memory has
// time to come. With 10 000 busy connections a task's 20 lines are cold, and
// waiting for them one by one was a tenth of an echo.
func (t *task) warm() {
	prefetch(t.g, t.g+warmG)
	prefetch(t.sp-warmBelow, t.sp+warmAbove)
}

// What is worth warming, in bytes.
//
// Bound: the scheduling state is in the first 448 bytes of a descriptor; a
// parked echo task's frames take some 800 bytes, and it calls 400 deeper.
const (
	warmG     = 448
	warmBelow = 384
	warmAbove = 576
)

// interrupt wakes a task because its scope was cancelled.
func (t *task) interrupt(cause error) {
	if t.waits.cancellable() {
		t.wake(cause)
	}
}

// pass lets everyone else have a turn: to the end of the queue.
func (t *task) pass() {
	l := t.loop()
	t.state, t.since = taskReady, l.stamp()
	l.reactor.Schedule(t)
	t.yield(struct{}{})
}

// await waits for a direction of a source.
func (t *task) await(s *reactor.Source, d reactor.Direction) error {
	if err := s.Await(d, t); err != nil {
		return err
	}
	kind := waitRead
	if d == reactor.Out {
		kind = waitWrite
	}
	t.source = s
	err := t.park(kind)
	t.source = nil
	if err != nil {
		s.Cancel(d) // cancelled: leave nothing behind
	}
	return err
}
