package jobs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"sync"
)

// Kind is what a worker is.
type Kind uint8

const (
	// Goroutines run the jobs in this process.
	Goroutines Kind = iota
	// Threads are goroutines that keep a thread of the system each, for libraries
	// that want to be called on the same one.
	Threads
	// Processes run them in processes of this program, see Run.
	Processes
)

func (k Kind) String() string {
	if int(k) < 3 {
		return [...]string{"goroutines", "threads", "processes"}[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Options configure Run. The zero value works.
type Options struct {
	// Kind is Goroutines by default.
	Kind Kind
	// Workers is how many jobs run at a time; GOMAXPROCS by default.
	Workers int
	// Retries is how many times a job that has failed is run again; 0. A job also
	// fails when its process ends.
	Retries int
	// Ahead is how many jobs may be done, or under way, before the oldest one that
	// is not; four for each worker by default. It bounds the memory of results
	// that wait for their turn.
	Ahead int
	// Logger gets what happens to Processes; slog.Default() by default.
	Logger *slog.Logger
}

// Error is the failure of one job.
type Error struct {
	Index    int // of the question, from 0
	Attempts int
	Err      error // of the last attempt
}

func (e *Error) Error() string {
	return fmt.Sprintf("job %d failed, attempt %d: %v", e.Index, e.Attempts, e.Err)
}

// Unwrap is the last attempt's error.
func (e *Error) Unwrap() error { return e.Err }

// PanicError is the failure of a job that panicked.
type PanicError struct{ Value any }

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Run calls do for every question, several at a time, and result for every answer,
// one after the other and in the order of the questions. A job that has failed for
// good has a zero answer and an *Error. When result returns an error, Run stops
// asking, waits for the jobs under way, and returns it; so it does with the cause
// of ctx when that ends.
//
// With Processes, questions and answers travel as JSON. The program is started
// again for every worker, with the same arguments, and must come to this Run by the
// same way; there it never returns. So a program has one such Run. Where it starts
// takes a few milliseconds. Errors besides: those of prefork.Master.Run.
func Run[Q, A any](ctx context.Context, o Options, questions iter.Seq[Q],
	do func(ctx context.Context, q Q) (A, error), result func(index int, a A, err error) error) error {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Ahead <= 0 {
		o.Ahead = 4 * o.Workers
	}
	b := &board[Q, A]{Options: o, result: result}
	if o.Kind == Processes {
		return b.runProcesses(ctx, questions, do)
	}
	return b.run(ctx, questions, func(int) func(context.Context, Q) (A, error) { return do })
}

// job is a question on its way to its answer.
type job[Q, A any] struct {
	index  int
	q      Q
	answer A
	err    error
	done   chan struct{} // closed with the answer
}

// board is where jobs are handed out.
type board[Q, A any] struct {
	Options
	result func(int, A, error) error
}

// run asks all questions. The function of each worker is what worker returns for
// its number.
//
// Invariant: jobs are put into pending and into todo in the order of the questions;
// pending has room for Ahead of them.
func (b *board[Q, A]) run(ctx context.Context, questions iter.Seq[Q], worker func(int) func(context.Context, Q) (A, error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan *job[Q, A])
	pending := make(chan *job[Q, A], b.Ahead)
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		defer close(pending)
		defer close(todo)
		index := 0
		for q := range questions {
			j := &job[Q, A]{index: index, q: q, done: make(chan struct{})}
			index++
			select {
			case pending <- j:
			case <-ctx.Done():
				return
			}
			select {
			case todo <- j:
			case <-ctx.Done():
				j.err = context.Cause(ctx)
				close(j.done)
				return
			}
		}
	})
	for i := range b.Workers {
		all.Go(func() {
			if b.Kind == Threads {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
			}
			call := worker(i)
			for j := range todo {
				b.attempt(ctx, j, call)
			}
		})
	}
	for j := range pending {
		<-j.done
		if err := context.Cause(ctx); err != nil {
			continue // what is under way is waited for
		}
		if err := b.result(j.index, j.answer, j.err); err != nil {
			cancel(err)
		}
	}
	return context.Cause(ctx)
}

// attempt does a job until it is done, or has failed too often.
func (b *board[Q, A]) attempt(ctx context.Context, j *job[Q, A], call func(context.Context, Q) (A, error)) {
	defer close(j.done)
	for attempt := 1; ; attempt++ {
		j.answer, j.err = safely(ctx, call, j.q)
		if j.err == nil {
			return
		}
		var zero A
		j.answer = zero
		if attempt > b.Retries || ctx.Err() != nil {
			j.err = &Error{Index: j.index, Attempts: attempt, Err: j.err}
			return
		}
	}
}

var errGoexit = errors.New("jobs: runtime.Goexit in a job")

// safely calls the function; a panic is its error.
func safely[Q, A any](ctx context.Context, call func(context.Context, Q) (A, error), q Q) (a A, err error) {
	err = errGoexit
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v}
		}
	}()
	return call(ctx, q)
}
