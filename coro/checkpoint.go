package coro

import (
	"context"
	"time"
)

// Every operation that may suspend begins with a checkpoint, whether it has to
// wait or not: it fails in a cancelled scope, and makes a task that never has to
// wait let the others run. What never suspends is none, and works in a cancelled
// scope too.

// checkpoint is that of an operation without a context, as Read is.
func (t *task) checkpoint() error {
	if t.scope.cause != nil {
		return t.scope.cause
	}
	if t.loop().operations == 0 {
		t.giveWay()
	}
	t.loop().operations--
	return t.scope.cause
}

// spend counts further operations for one that does the work of many.
func (t *task) spend(operations int) {
	l := t.loop()
	l.operations = max(l.operations-max(operations, 0), 0)
}

// operationsPerResume is how many operations a task may complete without
// waiting before it is made to yield.
//
// Bound: 32 echoes are about 200 us, for which one connection that always has
// data may hold up the others.
const operationsPerResume = 32

// longTurn is how old a turn of the loop may be for a task that never waits to go
// on in it, after the other ones that are ready.
//
// Bound: if it is the only one that is ready, it would go on until the turn's
// budget of tasks is spent, 256 times 32 operations, while those whose bytes have
// come in the meantime are not seen: 50 ms of echoes. A look at the descriptors
// takes about 1 us.
const longTurn = 200 * time.Microsecond

// giveWay is pass for a task that has used up its operations.
func (t *task) giveWay() {
	r := t.loop().reactor
	if r.OS().Now()-r.Now() < longTurn {
		t.pass()
		return
	}
	t.state, t.since = taskReady, t.loop().stamp()
	r.ScheduleNext(t)
	t.yield(struct{}{})
}

// begin is the checkpoint of an operation under ctx.
func (t *task) begin(ctx context.Context) error {
	if err := t.checkpoint(); err != nil {
		return err
	}
	return t.cancelled(ctx)
}

// cancelled is why an operation under ctx must not begin, or nil.
func (t *task) cancelled(ctx context.Context) error {
	if t.scope.cause != nil {
		return t.scope.cause
	}
	if t.ownContext(ctx) || ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// parkUnder is park for an operation under ctx. If ctx is not that of a scope the
// task is in, but one with a timeout perhaps, the waiting ends with ctx too, and
// the task goes on in its own scope.
func (t *task) parkUnder(ctx context.Context, kind waitKind) error {
	if t.ownContext(ctx) {
		return t.park(kind)
	}
	defer t.under(ctx)()
	return t.park(kind)
}

// under makes ctx cancel all that the task does until it calls leave.
func (t *task) under(ctx context.Context) (leave func()) {
	if t.ownContext(ctx) {
		return func() {}
	}
	s := t.nest(ctx)
	unwatch := s.watch(ctx)
	return func() { unwatch(); t.leave(s) }
}

// ownContext reports whether ctx is that of a scope the task is in, be it the
// innermost one or one around it, whose end reaches the task unless a shield
// keeps it off. A context derived with a value is as good.
func (t *task) ownContext(ctx context.Context) bool {
	if ctx == context.Context(t.scope) {
		return true
	}
	own, ok := ctx.(*cancelScope)
	if !ok {
		own, ok = ctx.Value(scopeKey{}).(*cancelScope)
		if !ok || own.Done() != ctx.Done() {
			return false
		}
	}
	for s := t.scope; s != nil; s = s.parent {
		if s == own {
			return true
		}
	}
	return false
}
