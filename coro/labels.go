package coro

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
)

// labelSets are the profiler's labels of a loop's tasks, as contexts that carry
// them: one for each place that spawns, made once, and one for each name that a
// task has now. A coroutine gets those of its task when the task begins, and
// loses them when it ends, since it will be used again.
type labelSets struct {
	loop   *loop
	bySite map[uintptr]context.Context
	byName map[uint64]context.Context // of tasks that have one
}

func newLabelSets(l *loop) *labelSets {
	return &labelSets{loop: l, bySite: make(map[uintptr]context.Context), byName: make(map[uint64]context.Context)}
}

// put labels the calling goroutine, which is t's. Its name is new, if it has one.
func (ls *labelSets) put(t *task) {
	delete(ls.byName, t.id)
	if name := t.name(); name != "" {
		ls.byName[t.id] = ls.make(name)
	}
	pprof.SetGoroutineLabels(ls.of(t))
}

// take takes the labels of the calling goroutine away, which is t's.
func (ls *labelSets) take(t *task) {
	delete(ls.byName, t.id)
	dropLabels()
}

// dropLabels takes all labels of the calling goroutine away.
//
//go:noinline
func dropLabels() { pprof.SetGoroutineLabels(context.Background()) }

// of is a task's labels.
func (ls *labelSets) of(t *task) context.Context {
	if len(ls.byName) > 0 {
		if named, ok := ls.byName[t.id]; ok {
			return named
		}
	}
	labels, ok := ls.bySite[t.site]
	if !ok {
		labels = ls.make(spawnFunction(t.site))
		ls.bySite[t.site] = labels
	}
	return labels
}

func (ls *labelSets) make(task string) context.Context {
	loop := ls.loop.name
	if loop == "" {
		loop = fmt.Sprint(ls.loop.number)
	}
	return pprof.WithLabels(context.Background(), pprof.Labels("coro.task", task, "coro.loop", loop))
}

// labelValue answers package pprof, which looks for the labels of a context when
// pprof.Do adds to them, and again when it puts them back. Its key is known to
// nobody else, so every question that nothing else can answer is put to the
// labels of the calling task.
//
//go:noinline
func (s *cancelScope) labelValue(key any) any {
	if t := s.loop.currentTask(); t != nil {
		return s.loop.labels.of(t).Value(key)
	}
	return nil
}

// spawnFunction is the function a task was spawned in, or of Serve's the handler.
func spawnFunction(site uintptr) string {
	if site == 0 {
		return "a call of another goroutine"
	}
	frame, _ := runtime.CallersFrames([]uintptr{site}).Next()
	return frame.Function
}
