package coro

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/reactor"
)

// loop is a reactor loop with tasks on it.
type loop struct {
	reactor *reactor.Loop
	log     *slog.Logger

	current    *task  // the one that runs; nil between tasks
	operations int    // left for it until it is made to yield
	meter      *meter // nil without Config.Measure
	// running is the identity of the coroutine resumed last. Whoever finds its
	// own number here is that coroutine's code, so is the current task: a
	// coroutine that is not being resumed runs no code.
	running atomic.Uintptr
	// home is the identity of the loop's own goroutine. Both are 0 once the loop
	// has ended: the numbers may then be given to other goroutines.
	home atomic.Uintptr

	number int        // of this loop in the process, from 1
	name   string     // Config.Name
	names  taskNames  // of its tasks
	labels *labelSets // the profiler's; nil without Config.ProfileLabels
	watch  *watch     // the watchdog's; nil without

	idle    []*task // coroutines without a function
	maxIdle int
	live    int           // tasks with a function
	spawned uint64        // tasks so far
	lost    int           // coroutines that Goexit took
	root    *Scope        // of main
	foreign *Scope        // of the tasks that work for other goroutines
	awaited *Scope        // whose end turnUntil waits for
	ended   bool          // main has ended, and everything with it
	done    chan struct{} // closed after that, for goroutines

	listeners map[*Listener]struct{}
	packets   map[*PacketConn]struct{}
	signals   map[*Signals]struct{}
	readables map[*Scope]*server // of ServeReadable, by scope
	helpers   sync.WaitGroup     // what runs, or waits to run, on goroutines for tasks
	fairness  fairness
	buffers   [][]byte // free copy buffers; the last one used is taken first
	pipes     pipePool
}

// defaultMaxIdle is how many idle coroutines a loop keeps.
//
// Bound: 4096 of them are 12 MB; a burst beyond it pays a microsecond for each.
const defaultMaxIdle = 4096

// task gives a task of the loop: an idle one, or a new one.
func (l *loop) task() *task {
	if n := len(l.idle); n > 0 {
		t := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return t
	}
	return newTask()
}

// spawn makes fn a task in the scope. It runs after what is ready already.
func (l *loop) spawn(s *cancelScope, fn func(context.Context) error, site uintptr) {
	t := l.task()
	t.fn, t.site = fn, site
	l.start(t, s)
}

// serve makes handler a task in the scope, which has c to itself.
func (l *loop) serve(s *cancelScope, handler func(context.Context, net.Conn) error, c *Conn, site uintptr) {
	t := l.task()
	t.handler, t.conn, t.site = handler, c, site
	l.start(t, s)
}

func (l *loop) start(t *task, s *cancelScope) {
	t.state, t.since = taskReady, l.stamp()
	t.scope = s
	s.tasks.add(t)
	if s.daemons {
		s.group.daemons++
	} else {
		s.group.children++
	}
	l.live++
	l.spawned++
	t.id = l.spawned
	l.reactor.Schedule(t)
}

// finished is the end of a task's function. Its scope is the one it was spawned
// in: WithScope puts a task back, however its function ends.
func (l *loop) finished(t *task) {
	s, err := t.scope, t.result
	s.tasks.remove(t)
	if t.conn != nil {
		l.contain(s, err)
		t.conn.served(s, err == nil && t.state == taskIdle)
		err = nil
	}
	if len(l.names.byID) > 0 {
		l.names.set(t.id, "")
	}
	if l.meter != nil {
		delete(l.meter.spent, t.id)
	}
	t.scope, t.fn, t.handler, t.conn, t.result = nil, nil, nil, nil, nil
	l.live--
	switch {
	case t.state == taskLost:
		l.lost++
	case len(l.idle) < l.maxIdle && !l.ended:
		l.idle = append(l.idle, t)
	default:
		l.retire(t)
	}
	s.group.childEnded(s, err)
}

// retire ends an idle task's coroutine.
//
// Order: its number is forgotten first. Once the coroutine has ended, another
// goroutine can have it.
func (l *loop) retire(t *task) {
	l.running.Store(0)
	t.next()
}

// currentTask is the task that is calling, or nil if the caller is no task of
// this loop.
func (l *loop) currentTask() *task {
	if l.running.Load() != currentG() {
		return nil
	}
	return l.current
}

// onLoop reports whether the caller may touch what belongs to the loop.
func (l *loop) onLoop() bool {
	g := currentG()
	return g == l.running.Load() || g == l.home.Load()
}

// hasEnded reports whether the loop is no more. Any goroutine may ask.
func (l *loop) hasEnded() bool { return l.home.Load() == 0 }

// deliver posts what a goroutine of our own has for the loop, whose queue may be
// full: giving up would leave a task waiting for ever. It gives up on a closed
// loop, where nobody waits.
func (l *loop) deliver(fn func()) { _ = l.send(fn) }

// send posts what must not be lost, and waits while the queue is full. Error:
// reactor.ErrLoopClosed.
func (l *loop) send(fn func()) error {
	for {
		err := l.reactor.Post(fn)
		if !errors.Is(err, reactor.ErrPostQueueFull) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}
