package reactor

import (
	"errors"
	"fmt"
	"net"
)

var (
	// ErrLoopClosed: the loop has stopped, or is about to.
	ErrLoopClosed = errors.New("reactor: the loop is closed")

	// ErrRunning: Run or Turn was called on a loop that runs already, as from
	// inside a callback.
	ErrRunning = errors.New("reactor: the loop is running already")

	// ErrPostQueueFull: Limits.MaxPosted functions wait for the loop. The error's
	// text has the number.
	ErrPostQueueFull = errors.New("reactor: too many posted functions are waiting")

	// ErrWaiterBusy: the direction of the source has a waiter already.
	ErrWaiterBusy = errors.New("reactor: another waiter waits for this direction")

	// ErrRegistered: the Source is in use.
	ErrRegistered = errors.New("reactor: the source is registered already")

	// ErrAborted is the reason OnClose is given after Abort.
	ErrAborted = errors.New("reactor: connection aborted")

	// ErrDetached is the reason OnClose is given after Detach.
	ErrDetached = errors.New("reactor: connection detached")

	// ErrInFlight: the connection cannot be detached now, because bytes wait to
	// be sent, or because one of its directions has ended.
	ErrInFlight = errors.New("reactor: the connection has something in flight")

	// ErrSlowConsumer: the peer does not read, and ConnOptions.HardLimit bytes
	// wait for it.
	ErrSlowConsumer = errors.New("reactor: the peer reads too slowly, over the limit of unsent bytes")

	// ErrInputLimit: the handler left more than ConnOptions.MaxUnconsumed
	// bytes unconsumed.
	ErrInputLimit = errors.New("reactor: the handler does not consume its input, over the limit of unconsumed bytes")

	// ErrDrainTimeout: Close could not send what was queued within
	// ConnOptions.DrainTimeout.
	ErrDrainTimeout = errors.New("reactor: unsent bytes at the end of the drain time")
)

// PanicError is the reason of a connection whose handler panicked.
type PanicError struct {
	// Value is what was given to panic.
	Value any
	// Stack is the stack of the panic, as debug.Stack prints it.
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic in a callback: %v", e.Value) }

// Unwrap is the panic's value, where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// opError is the form in which errors of a connection reach the user.
func (c *Conn) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &net.OpError{Op: op, Net: c.network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
