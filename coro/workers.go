package coro

import (
	"container/list"
	"math"
	"runtime/debug"
	"sync"

	"github.com/weft-go/weft/poller"
)

// Workers is a kind of work that is done off the loops, with a limit to how many
// functions of it run at a time. All loops of the process share it: what a
// blocking function takes, a thread, is the process's. Functions over the limit
// wait, and start in the order in which they were submitted, whatever loop they
// come from.
//
// It is made once, as a package variable perhaps; a limit belongs to what the work
// uses up: one Workers for a slow disk, another for a library that talks to its
// own server. A function must not wait for another one of the same Workers: they
// could be all that run.
//
// No goroutine is kept: each function has one of its own, so whatever it does
// to it, a LockOSThread, a Goexit, is over with the function.
type Workers struct {
	name string
	most int

	mu      sync.Mutex
	queue   list.List // of *job
	running int
	done    uint64
	panics  uint64
}

// WorkersStats is a look at a Workers.
type WorkersStats struct {
	Name    string
	Limit   int    // the most functions that run at a time
	Running int    // functions that run, those included that no task waits for any more
	Waiting int    // functions that wait for one to end
	Done    uint64 // functions that have ended, in whatever way
	Panics  uint64 // of these, how many panicked
}

// NewWorkers makes a kind of work of which up to limit functions run at a time. A
// limit below 1 is 1. The name is for errors, logs and Stats.
func NewWorkers(name string, limit int) *Workers {
	return &Workers{name: name, most: max(limit, 1)}
}

// DefaultWorkers are those of Blocking.
func DefaultWorkers() *Workers { return defaultWorkers }

// LookupWorkers are those that resolve host names for Dial.
func LookupWorkers() *Workers { return lookupWorkers }

var (
	// Bound: a file read holds a thread while it waits for its disk, which
	// works on 32 (SATA) requests or more at a time: 64 keep one busy. A
	// burst of thousands then has 64 threads, and not thousands.
	defaultWorkers = NewWorkers("blocking", 64)

	// Bound: with the C library's resolver each lookup is a thread, with Go's a
	// socket. A name server that does not answer holds each for 10 s. A dial asks
	// for both families, which are two.
	lookupWorkers = NewWorkers("lookup", 64)

	// What a task does with a child process is a thread as well, but beside
	// the process it is nothing: who limits their number limits this.
	processWorkers = NewWorkers("process", math.MaxInt)
)

// Stats is a look at the kind of work. Any goroutine may call it.
func (w *Workers) Stats() WorkersStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return WorkersStats{
		Name: w.name, Limit: w.limit(), Running: w.running, Waiting: w.queue.Len(), Done: w.done, Panics: w.panics,
	}
}

// limit is 1 for the zero value too.
func (w *Workers) limit() int { return max(w.most, 1) }

// job is a function for a goroutine off the loop, and its outcome.
type job struct {
	workers *Workers
	fn      func() error
	loop    *loop
	task    *task // that waits for it; the loop's to read and write
	spawned uintptr

	state jobState      // under the lock of its Workers
	place *list.Element // in the queue, while it is queued

	// The outcome: written by the function's goroutine before the job is done,
	// read by the task after.
	err      error
	panicked *PanicError
}

// jobState is where a job is in its life. The worker's half of it is the upper
// line; the lower one is what becomes of a job whose task was cancelled.
//
//	          admit            leave
//	queued ----------> running -------> done
//	   |                  |
//	   | withdraw         | withdraw
//	   v                  v
//	withdrawn          abandoned
//	never runs         runs to its end, and its result is dropped
type jobState uint8

const (
	jobQueued    jobState = iota // waits for another one to end
	jobRunning                   // has its goroutine, and a task that waits
	jobDone                      // the outcome is there
	jobWithdrawn                 // was cancelled in the queue
	jobAbandoned                 // runs, or has ended, with nobody to wait for it
)

func (s jobState) String() string {
	return [...]string{"queued", "running", "done", "withdrawn", "abandoned"}[s]
}

// submit starts fn for the task, or queues it. The task waits with a park, which
// the end of fn wakes, and then calls end.
//
// Invariant: a job counts among its loop's helpers from here until its function
// has ended, or will never run. Run waits for them.
func (w *Workers) submit(t *task, fn func() error) *job {
	return w.submitBy(t, fn, poller.Simulated.Go)
}

// submitBy is submit with a way of its own to start fn in a simulation.
func (w *Workers) submitBy(t *task, fn func() error, start func(poller.Simulated, func())) *job {
	j := &job{workers: w, fn: fn, loop: t.loop(), task: t, spawned: t.site}
	j.loop.helpers.Add(1)
	simulated, _ := j.loop.reactor.OS().(poller.Simulated)
	switch {
	case simulated != nil:
		w.admitSimulated(j)
		start(simulated, func() { w.call(j) })
	case w.admit(j):
		go w.call(j)
	}
	return j
}

// admitSimulated counts in a job of a loop in a simulation: always, since there it
// takes no thread while it waits, and what another world does is not to be felt.
func (w *Workers) admitSimulated(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running++
	j.state = jobRunning
}

// admit counts a job in if there is a place, and queues it if there is none. It
// reports whether the job is to start now.
//
// Invariant: while a job is queued, as many as may run do.
func (w *Workers) admit(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running >= w.limit() {
		j.state, j.place = jobQueued, w.queue.PushBack(j)
		return false
	}
	w.running++
	j.state = jobRunning
	return true
}

// call is the goroutine of a job that was admitted.
//
// Order: the place is given to the next one first, since it depends on nothing any
// more, while the loop's queue of posted functions may be full. And who is back
// from Blocking does not find its own function in Stats.
func (w *Workers) call(j *job) {
	defer j.loop.helpers.Done()
	returned := false
	defer func() {
		if !returned { // and recovered or not, Goexit goes on after this function
			j.failed(recover())
		}
		next, wanted := w.leave(j)
		if next != nil {
			go w.call(next)
		}
		if wanted {
			j.loop.deliver(j.arrive)
		} else {
			j.logFailure()
		}
	}()
	j.err = j.fn()
	returned = true
}

// failed is the outcome of a function that did not return: it panicked with value,
// or called runtime.Goexit.
func (j *job) failed(value any) {
	spawned := spawnSite(j.spawned)
	if value == nil {
		j.err = &GoexitError{Spawned: spawned, Workers: j.workers.name}
		return
	}
	j.panicked = &PanicError{Value: value, Stack: debug.Stack(), Spawned: spawned, Workers: j.workers.name}
}

// leave is the end of a job's function. It gives the place to the first one in the
// queue, which is to start now, and reports whether a task waits for the outcome.
func (w *Workers) leave(j *job) (next *job, wanted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done++
	if j.panicked != nil {
		w.panics++
	}
	if wanted = j.state == jobRunning; wanted {
		j.state = jobDone
	}
	w.running--
	if first := w.queue.Front(); first != nil && w.running < w.limit() {
		next = w.queue.Remove(first).(*job)
		next.state, next.place = jobRunning, nil
		w.running++
	}
	return next, wanted
}

// withdraw is the end of the waiting for a job. It reports whether the job is
// done. If not, a queued one will never run, and one that runs keeps its place
// until its function has returned.
func (w *Workers) withdraw(j *job) (done bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch j.state {
	case jobQueued:
		w.queue.Remove(j.place)
		j.state, j.place = jobWithdrawn, nil
		j.loop.helpers.Done()
	case jobRunning:
		j.state = jobAbandoned
	}
	return j.state == jobDone
}

// isDone reports whether the outcome is there.
func (w *Workers) isDone(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return j.state == jobDone
}
