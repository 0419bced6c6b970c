package coro

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
)

var (
	// ErrNotTask: the function suspends, and was not called from a task of its
	// loop.
	ErrNotTask = errors.New("coro: not called from a task of this loop")

	// ErrNoLoop: the context does not come from Run, or from a task.
	ErrNoLoop = errors.New("coro: the context belongs to no loop")

	// ErrWrongLoop: an object that belongs to a loop, one of the sync kit, a Scope,
	// Signals, was used by a task of another one.
	ErrWrongLoop = errors.New("coro: the object belongs to another loop")

	// ErrChanClosed: what carries values, a Chan, Broadcast, Subscription, Watch
	// or Inbox, was closed, and for a receiver: there are none left in it.
	ErrChanClosed = errors.New("coro: closed, no more values")

	// ErrNoCases: Select was called without a case, and would wait for ever.
	ErrNoCases = errors.New("coro: Select without a case")

	// ErrNotOwner: Unlock by a task that does not hold the Mutex, or Release of
	// more than was acquired.
	ErrNotOwner = errors.New("coro: not held")

	// ErrDeadlock: Lock by the task that holds the Mutex, which would wait for
	// itself.
	ErrDeadlock = errors.New("coro: the task holds the mutex already")

	// ErrOverCapacity: more was asked of a Semaphore than it can ever give.
	ErrOverCapacity = errors.New("coro: the semaphore never has that many")

	// ErrInboxFull: there is no room in an Inbox. The error's text has the
	// capacity.
	ErrInboxFull = errors.New("coro: the inbox is full")

	// ErrWouldBlock: Inbox.Send would have to wait for room, and was called on
	// an event loop, which cannot run meanwhile.
	ErrWouldBlock = errors.New("coro: waiting here would block the event loop")

	// ErrNested: Run was called from a task, whose loop it would stop.
	ErrNested = errors.New("coro: Run inside a task")

	// ErrScopeEnded: the scope was used after its function returned.
	ErrScopeEnded = errors.New("coro: the scope has ended")

	// ErrNothingRead: a handler of ServeReadable returned nil without having
	// read anything of what it was called for. Called again, it would do so for
	// ever; the connection is closed instead.
	ErrNothingRead = errors.New("coro: the handler has read nothing of what has arrived")

	// ErrForeignListener: Serve was given a listener that is not of its own
	// loop, so that its Accept would not suspend the task but block the loop.
	ErrForeignListener = errors.New("coro: the listener belongs to another loop or to none")

	// ErrClosed: the object was closed, and is used, or waited for.
	ErrClosed = errors.New("coro: used after Close")
)

// PanicError is a panic in a task, as the error that its scope gets.
type PanicError struct {
	// Value is what was given to panic.
	Value any
	// Stack is the task's stack at the panic, as debug.Stack prints it.
	Stack []byte
	// Name is what the task has called itself with SetName.
	Name string
	// Spawned is where the task was spawned: function, file and line. It is empty
	// for a function that a loop called for another goroutine, whose panic it is.
	Spawned string
	// Workers is empty, or the name of those on which a function panicked that
	// the task had given to BlockingOn. The stack is that function's then.
	Workers string
}

func (e *PanicError) Error() string {
	if e.Workers != "" {
		return fmt.Sprintf("coro: panic in a function on workers %q for the task %sspawned at %s: %v", e.Workers, quoted(e.Name), e.Spawned, e.Value)
	}
	if e.Spawned == "" {
		return fmt.Sprintf("coro: panic in a function that a loop called for another goroutine: %v", e.Value)
	}
	return fmt.Sprintf("coro: panic in the task %sspawned at %s: %v", quoted(e.Name), e.Spawned, e.Value)
}

// Unwrap is the panic's value, where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// GoexitError is a task that called runtime.Goexit, as testing.T.FailNow does.
// Its deferred functions have run. Its goroutine stays parked for the life of
// the process, about 3 KB: the runtime has no way to end it without the loop.
type GoexitError struct {
	// Name is what the task has called itself with SetName.
	Name string
	// Spawned is where the task was spawned: function, file and line.
	Spawned string
	// Workers is empty, or the name of those on which a function called Goexit
	// that the task had given to BlockingOn. Its goroutine has ended then, and
	// the task goes on.
	Workers string
}

func (e *GoexitError) Error() string {
	if e.Workers != "" {
		return fmt.Sprintf("coro: a function on workers %q for the task %sspawned at %s called runtime.Goexit", e.Workers, quoted(e.Name), e.Spawned)
	}
	return "coro: the task " + quoted(e.Name) + "spawned at " + e.Spawned + " called runtime.Goexit"
}

// asPanic is a panic with value as the error of the task spawned at site. A panic
// that has been one already, and was raised again, keeps its own stack.
func asPanic(value any, name string, site uintptr) *PanicError {
	if again, ok := value.(*PanicError); ok {
		return again
	}
	return &PanicError{Value: value, Stack: debug.Stack(), Name: name, Spawned: spawnSite(site)}
}

// spawnSite is a return address in words.
func spawnSite(pc uintptr) string {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if frame.Function == "" {
		return "an unknown place"
	}
	return fmt.Sprintf("%s (%s:%d)", frame.Function, frame.File, frame.Line)
}

// caller is the place from which the function that asks was called, as a return
// address; skip leaves out that many functions on the way.
func caller(skip int) uintptr {
	var pc [1]uintptr
	runtime.Callers(skip+3, pc[:]) // Callers, caller, the function that asks
	return pc[0]
}
