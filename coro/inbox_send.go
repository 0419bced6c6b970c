package coro

import (
	"context"
	"fmt"
	"slices"

	"github.com/weft-go/weft/reactor"
)

// TrySend puts v into the Inbox if there is room. Any goroutine or task may call
// it: it never waits. Errors: ErrInboxFull, ErrChanClosed, reactor.ErrLoopClosed,
// and reactor.ErrPostQueueFull if the loop has to be told and is flooded with
// other functions; v was not taken then.
func (in *Inbox[T]) TrySend(v T) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	room, err := in.put(v)
	if err == nil && !room {
		in.refused++
		return in.full
	}
	return err
}

// Send puts v into the Inbox, and waits for room until ctx ends. It is for plain
// goroutines, which are served first come, first served. On a loop it does not
// wait, since that would stop all tasks of the loop: where there is no room it
// returns ErrWouldBlock, joined to ErrInboxFull. Errors: those of TrySend, and
// ctx's cause. With an error, v was not taken.
func (in *Inbox[T]) Send(ctx context.Context, v T) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	in.mu.Lock()
	if room, err := in.put(v); room || err != nil {
		in.mu.Unlock()
		return err
	}
	if insideLoop() {
		in.refused++
		in.mu.Unlock()
		return fmt.Errorf("%w: %w", ErrWouldBlock, in.full)
	}
	w := &inboxSender[T]{value: v, done: make(chan error, 1)}
	in.senders = append(in.senders, w)
	in.mu.Unlock()
	return in.wait(ctx, w)
}

// inboxSender is a goroutine that waits for room.
type inboxSender[T any] struct {
	value T
	done  chan error // gets one, from who takes the sender off the list
}

// wait is over when v has been taken, or by what makes that pointless. Until the
// first receiver comes it is not known with which loop the Inbox ends.
func (in *Inbox[T]) wait(ctx context.Context, w *inboxSender[T]) error {
	claimed := in.claimed
	var ended chan struct{}
	for {
		select {
		case err := <-w.done:
			return err
		case <-ctx.Done():
			return in.giveUp(w, context.Cause(ctx))
		case <-ended:
			return in.giveUp(w, reactor.ErrLoopClosed)
		case <-claimed:
			claimed, ended = nil, in.home.loop.Load().done
		}
	}
}

// giveUp takes a sender off the list; unless its value has been taken already,
// for what is completed stays so.
func (in *Inbox[T]) giveUp(w *inboxSender[T], cause error) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	i := slices.Index(in.senders, w)
	if i < 0 {
		return <-w.done
	}
	in.senders = slices.Delete(in.senders, i, i+1)
	return cause
}

// finish takes the first sender off the list and tells it how its wait ended.
func (in *Inbox[T]) finish(err error) T {
	w := in.senders[0]
	in.senders[0] = nil
	in.senders = in.senders[1:]
	w.done <- err
	return w.value
}

// put takes v if there is room, and reports whether.
//
// Order: the loop is told first. If that fails, nothing has been taken; and what
// was posted waits for the lock.
func (in *Inbox[T]) put(v T) (room bool, err error) {
	if in.state == inboxClosed {
		return false, ErrChanClosed
	}
	l := in.home.loop.Load()
	if l != nil && l.hasEnded() {
		return false, reactor.ErrLoopClosed
	}
	if in.values.len == in.capacity {
		return false, nil
	}
	if in.wanted > 0 && !in.posted {
		if err := in.call(l); err != nil {
			return false, err
		}
		in.posted = true
	}
	in.values.push(v, in.capacity)
	in.sent++
	return true, nil
}

// call sends deal to the loop.
func (in *Inbox[T]) call(l *loop) error {
	if l.onLoop() {
		l.reactor.Schedule(scheduled(in.deal))
		return nil
	}
	err := l.reactor.Post(in.deal)
	if err == nil {
		in.posts++
	}
	return err
}
