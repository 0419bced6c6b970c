package coro

import (
	"runtime"
	"runtime/debug"
)

// carried is how a function has ended that a loop called for somebody else. Its
// failure is the caller's alone: a panic goes on there, as a *PanicError, and so
// does a runtime.Goexit.
type carried struct {
	end      carriedEnd
	err      error
	panicked *PanicError
}

// carriedEnd is the way in which the function has ended.
type carriedEnd uint8

const (
	carriedNothing carriedEnd = iota // it was not called
	carriedReturn
	carriedPanic
	carriedGoexit
)

func (e carriedEnd) String() string { return [...]string{"nothing", "return", "panic", "Goexit"}[e] }

// call calls fn, on the loop.
func (c *carried) call(fn func() error) {
	c.end = carriedGoexit // unless it comes to something else
	defer func() {
		if value := recover(); value != nil {
			c.end, c.panicked = carriedPanic, carriedPanicError(value)
		}
	}()
	c.err = fn()
	c.end = carriedReturn
}

// carriedPanicError is asPanic for a task that nobody spawned.
func carriedPanicError(value any) *PanicError {
	if again, ok := value.(*PanicError); ok {
		return again
	}
	return &PanicError{Value: value, Stack: debug.Stack()}
}

// outcome is what has come of fn, on the caller's goroutine.
func (c *carried) outcome() error {
	switch c.end {
	case carriedPanic:
		panic(c.panicked)
	case carriedGoexit:
		runtime.Goexit()
	}
	return c.err
}
