package main

import (
	"context"
	"errors"
	"io"

	"github.com/weft-go/weft/coro"
)

// maxOutbox is how many bytes may wait for a client, besides those that the
// kernel has taken.
const maxOutbox = 64 << 10

// errOverflow: the client does not read what it is sent.
var errOverflow = errors.New("outbox is full")

// outbox is the lines a client is still to be sent. Any task of the loop adds;
// one takes.
type outbox struct {
	lines      []byte
	filled     coro.Event // there are lines, or there will be no more
	closed     bool
	overflowed bool
}

// add queues a line. Errors: errOverflow, from then on for ever. What is added
// to a closed outbox is dropped: the client is on its way out.
func (o *outbox) add(ctx context.Context, line string) error {
	switch {
	case o.closed:
		return nil
	case o.overflowed || len(o.lines)+len(line)+1 > maxOutbox:
		o.overflowed = true
		return errOverflow
	}
	o.lines = append(append(o.lines, line...), '\n')
	return o.filled.Set(ctx)
}

// close lets take return what is there, and then io.EOF.
func (o *outbox) close(ctx context.Context) error {
	o.closed = true
	return o.filled.Set(ctx)
}

// take waits for lines and returns all there are, so that many short lines are
// one write. Errors: io.EOF, and those of Event.Wait.
func (o *outbox) take(ctx context.Context) ([]byte, error) {
	if err := o.filled.Wait(ctx); err != nil {
		return nil, err
	}
	if len(o.lines) == 0 {
		return nil, io.EOF
	}
	lines := o.lines
	o.lines = nil
	if !o.closed {
		return lines, o.filled.Clear(ctx)
	}
	return lines, nil
}
