package coro

import (
	"context"
	"fmt"
	"time"
)

// Case is one of the things that Select waits for: Chan.RecvCase and SendCase,
// Event.WaitCase, Subscription.RecvCase, Watch.ChangedCase, Inbox.RecvCase, After.
// It may be used again, by several tasks too. The zero Case is never ready.
type Case struct {
	kind  caseKind
	of    selectable    // of a caseObject
	after time.Duration // of a caseTimer
}

// caseKind is what a Case waits for.
type caseKind uint8

const (
	caseNever  caseKind = iota
	caseObject          // something that another task does
	caseTimer           // the clock
)

func (k caseKind) String() string { return [...]string{"never", "object", "timer"}[k] }

// selectable is an operation on an object of the sync kit that Select can wait
// for together with others.
type selectable interface {
	// at is the object's home.
	at() *home
	// poll does the operation if it need not wait, and reports whether it was
	// done, with its error.
	poll() (done bool, err error)
	// join puts t into the object's queue; it is to park then.
	join(t *task) (waiter any)
	// leave takes the waiter back, and reports whether the operation was
	// completed while it was in the queue.
	leave(waiter any) (done bool)
}

// After is the case that d has passed since Select was called. If several cases
// are timers, the shortest counts.
func After(d time.Duration) Case { return Case{kind: caseTimer, after: d} }

// Select suspends the task until one of the cases can be done, does that one,
// and returns its index. Of several that can be done at once it is the first in
// the order of the arguments, so an order is a priority; where each is to have
// its turn, the program turns the order. Of those that become ready while the
// task waits it is the one that came first; the others are left as they were: a
// Select takes one value, or sends one, and leaves nothing in the queues of the
// cases that lost.
//
// A chosen case may come with its own error, that of the operation: ErrChanClosed
// for a closed Chan, *LaggedError for a Subscription. With index -1 no case was
// done. Errors then: ErrNoCases; the cause of ctx or of a cancelled scope; ErrNotTask,
// ErrNoLoop, and ErrWrongLoop, which names the case.
func Select(ctx context.Context, cases ...Case) (chosen int, err error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return -1, err
	}
	if err := t.begin(ctx); err != nil {
		return -1, err
	}
	if len(cases) == 0 {
		return -1, ErrNoCases
	}
	if chosen, err := pollCases(t, cases); chosen >= 0 || err != nil {
		return chosen, err
	}
	return t.waitCases(ctx, cases)
}

// TrySelect is Select if that need not wait, and index -1 without an error if it
// would: what a default is to Go's select. It never suspends, so it works in a
// cancelled scope too. Without cases there is nothing to be done either.
func TrySelect(ctx context.Context, cases ...Case) (chosen int, err error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return -1, err
	}
	return pollCases(t, cases)
}

// pollCases does the first case that is ready. No case is touched if one of them
// is another loop's.
func pollCases(t *task, cases []Case) (chosen int, err error) {
	for i, c := range cases {
		if c.kind == caseObject {
			if err := c.of.at().admit(t); err != nil {
				return -1, fmt.Errorf("case %d: %w", i, err)
			}
		}
	}
	for i, c := range cases {
		switch c.kind {
		case caseObject:
			if done, err := c.of.poll(); done {
				return i, err
			}
		case caseTimer:
			if c.after <= 0 {
				return i, nil
			}
		}
	}
	return -1, nil
}

// waitCases waits in the queues of all cases at once. It is one task with many
// waiters: who wakes it completes one of them, and whoever comes to another one
// then finds the task awake, and passes over it.
func (t *task) waitCases(ctx context.Context, cases []Case) (chosen int, err error) {
	var few [fewCases]any
	waiters := few[:0]
	timer := -1
	for i, c := range cases {
		var w any
		switch c.kind {
		case caseObject:
			w = c.of.join(t)
		case caseTimer:
			if timer < 0 || c.after < cases[timer].after {
				timer = i
			}
		}
		waiters = append(waiters, w)
	}
	if timer >= 0 {
		t.setTimer(cases[timer].after)
	}
	err = t.parkUnder(ctx, waitSelect)
	if timer >= 0 {
		t.timer.Stop()
	}
	chosen = -1
	for i, w := range waiters {
		if w != nil && cases[i].of.leave(w) {
			chosen = i
		}
	}
	if chosen < 0 && err == nil {
		chosen = timer // the only one that wakes a task and completes no waiter
	}
	return chosen, err
}

// fewCases is how many cases a Select can wait for without allocating.
//
// Bound: a task's stack is 2 KB; this is 128 bytes of it.
const fewCases = 8
