package coro

import (
	"context"
	"runtime/trace"
)

// The regions and labels of tasks, in functions of their own: what nobody looks
// at must not cost a task a byte of stack.
//
//	trace region            what
//	coro.task FUNCTION      a task, from its first step to its end
//	coro.wait KIND          a wait of it: read, write, timer, ...

// callSeen calls the task's function while a trace is being recorded, or with
// labels.
//
//go:noinline
func (t *task) callSeen() error {
	if labels := t.loop().labels; labels != nil {
		labels.put(t)
		defer labels.take(t)
	}
	if trace.IsEnabled() {
		defer trace.StartRegion(context.Background(), "coro.task "+spawnFunction(t.site)).End()
	}
	if t.handler != nil {
		return t.handler(t.scope, t.conn)
	}
	return t.fn(t.scope)
}

// yieldTraced is the coroutine's yield as a region.
//
//go:noinline
func (t *task) yieldTraced(kind waitKind) {
	region := trace.StartRegion(context.Background(), "coro.wait "+kind.String())
	t.yield(struct{}{})
	region.End()
}
