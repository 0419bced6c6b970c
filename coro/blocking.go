package coro

import "context"

// Blocking runs fn, which may block or compute for long, on a goroutine of its own,
// and suspends the task until fn has returned: its results are Blocking's. It is
// BlockingOn with DefaultWorkers, of which 64 run at a time.
func Blocking[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	return BlockingOn(ctx, defaultWorkers, fn)
}

// BlockingOn is Blocking with a limit of its own kind of work.
//
// Cancelled while fn waits for its turn, it never runs. Cancelled while fn runs,
// BlockingOn returns at once, with the cause, and without a value; fn goes on, its
// result is dropped when it comes, and only then its place is free again. What has
// completed is never cancelled: if fn has returned by the time the task goes on,
// that result counts. fn is given no context. To make it end early, let it use
// ctx, which ends with the scope.
//
// A panic in fn goes on in the task, as a *PanicError with the stack of fn's
// goroutine. runtime.Goexit in fn is a *GoexitError. If the task has gone by then,
// both are logged. Run returns when the last fn has ended, wanted or not.
//
// fn is not a task: in it, what needs one is ErrNotTask, and connections of the
// loop take the slow way of plain goroutines. It may not touch what the tasks of
// the loop share without locks, except by what it returns.
//
// Quirk(go): where there are no more processors (GOMAXPROCS) than loops, an fn that
// computes shares one with a loop in the slices of Go's scheduler, up to 10 ms, and
// either may be that late. With one processor more than loops the kernel divides the
// time, more finely, also on a single CPU. An fn that sleeps or waits is not late.
//
// Errors besides fn's: the cause of ctx or of a cancelled scope, ErrNotTask,
// ErrNoLoop. It panics if w is nil.
func BlockingOn[T any](ctx context.Context, w *Workers, fn func() (T, error)) (T, error) {
	if w == nil { // later on there would be a job that never ends, and Run would wait for it
		panic("coro: BlockingOn without Workers")
	}
	var value, none T
	t, err := currentTaskOf(ctx)
	if err != nil {
		return none, err
	}
	if err := t.begin(ctx); err != nil {
		return none, err
	}
	done, err := t.offLoop(ctx, w, func() (err error) {
		value, err = fn()
		return err
	})
	if !done {
		return none, err // value is fn's, which still runs
	}
	return value, err
}

// offLoop runs fn on a goroutine of w's while the task waits, and reports whether
// it is done: then the error is fn's, otherwise it is the cause. The checkpoint is
// the caller's.
func (t *task) offLoop(ctx context.Context, w *Workers, fn func() error) (done bool, err error) {
	j := w.submit(t, fn)
	cause := t.parkUnder(ctx, waitBlocking)
	if !j.end() {
		return false, cause
	}
	return true, j.outcome(t)
}

// arrive tells the task, on its loop, that the job is done.
func (j *job) arrive() {
	if j.task != nil {
		j.task.wake(nil)
	}
}

// end is the end of the task's waiting, and reports whether the job is done. What
// comes later does not reach the task, which may wait for something else by then.
func (j *job) end() (done bool) {
	j.task = nil
	return j.workers.withdraw(j)
}

// finish waits for the job, come what may.
func (j *job) finish() {
	for !j.workers.isDone(j) {
		_ = j.task.park(waitChildren)
	}
	j.end()
}

// outcome is the error of a job that is done, or its panic, for the task that has
// waited for it.
func (j *job) outcome(t *task) error {
	if j.panicked != nil {
		j.panicked.Name = t.name()
		panic(j.panicked)
	}
	if exited, ok := j.err.(*GoexitError); ok && exited.Workers != "" {
		exited.Name = t.name()
	}
	return j.err
}

// logFailure is the outcome of a job that nobody waits for: what it returned is
// dropped, as the cancelled task was told. What went wrong in it is not.
func (j *job) logFailure() {
	if p := j.panicked; p != nil {
		j.loop.log.Error("coro: panic in a function that no task waits for any more",
			"panic", p.Value, "workers", p.Workers, "task", p.Spawned, "stack", string(p.Stack))
	} else if exited, ok := j.err.(*GoexitError); ok && exited.Workers != "" {
		j.loop.log.Error("coro: a function that no task waits for any more called runtime.Goexit",
			"workers", exited.Workers, "task", exited.Spawned)
	}
}
