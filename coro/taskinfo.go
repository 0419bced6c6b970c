package coro

import (
	"cmp"
	"slices"
	"time"
)

// TaskInfo is what a task was doing when Tasks looked.
type TaskInfo struct {
	// Loop is the number of the task's loop, from 1 in the order of the calls
	// of Run, and LoopName its Config's Name.
	Loop     int
	LoopName string
	// ID is the task's number on its loop, from 1, the number of main. It is
	// not used again.
	ID uint64
	// Parent is the task in whose WithScope this one was spawned; 0 for main
	// and for calls of other goroutines.
	Parent uint64
	// Name is what the task has called itself with SetName.
	Name string
	// Spawned is where the task was spawned: function, file and line. Of a
	// handler of Serve it is the handler.
	Spawned string
	// Peer is the address of a handler's connection.
	Peer string
	// State is what it is now, and Since when it became that. Without
	// Config.Measure the moment is the beginning of the turn in which it did.
	State TaskState
	Since time.Time
	// Waits is what a parked task waits for: "read from 127.0.0.1:4242",
	// "timer".
	Waits string
	// Running is how long it has run so far, with Config.Measure.
	Running time.Duration
	// Cancelled is why the scope that the task is in was cancelled, or nil.
	Cancelled error
}

// TaskState is what a task is now.
type TaskState uint8

const (
	// TaskReady is in the queue of its loop.
	TaskReady TaskState = iota
	// TaskRunning is what holds up a loop that does not answer. A loop that
	// answers does so between two tasks, so that none of them is running.
	TaskRunning
	// TaskParked waits for something.
	TaskParked
)

func (s TaskState) String() string { return [...]string{"ready", "running", "parked"}[s] }

// liveState is a task's state as others see it; none without a function.
func liveState(s taskState) (state TaskState, live bool) {
	switch s {
	case taskReady:
		return TaskReady, true
	case taskRunning:
		return TaskRunning, true
	case taskParked:
		return TaskParked, true
	}
	return 0, false
}

// Tasks tells of every task of every loop of the process, by loop and number.
// Any goroutine may call it, and any task, which is suspended meanwhile, also in
// a cancelled scope. Each loop answers between two tasks; of one that has not
// answered within a second only the task that holds it up is in the result,
// TaskRunning. On a loop's own goroutine but not in a task, as in a handler of
// its log, the result is of that loop alone, and so it is in a task of a simulated
// loop.
//
// Cost: some 100 ns of the loop for each task.
func Tasks() (tasks []TaskInfo) {
	askLoops((*loop).snapshot, func(answers []answer[*snapshot]) { tasks = infos(answers) })
	return tasks
}

func infos(answers []answer[*snapshot]) (tasks []TaskInfo) {
	sites := siteWords{}
	for _, a := range answers {
		if a.silent {
			if info, ok := a.running(sites); ok {
				tasks = append(tasks, info)
			}
			continue
		}
		slices.SortFunc(a.said.tasks, func(x, y taskShot) int { return cmp.Compare(x.id, y.id) })
		for i := range a.said.tasks {
			tasks = append(tasks, a.loop.info(&a.said.tasks[i], sites))
		}
	}
	return tasks
}

// info is a task in words.
func (l *loop) info(t *taskShot, sites siteWords) TaskInfo {
	info := TaskInfo{
		Loop: l.number, LoopName: l.name,
		ID: t.id, Parent: t.parent, Name: t.name, Spawned: sites.of(t.site),
		State: t.state, Since: l.time(t.since), Running: t.spent, Cancelled: t.cause,
	}
	if t.served {
		info.Peer = t.peer.String()
	}
	if t.state == TaskParked {
		info.Waits = t.waitsFor()
	}
	return info
}

// waitsFor is what a parked task waits for.
func (t *taskShot) waitsFor() string {
	to := t.source.String()
	switch {
	case to == "":
		return t.waits.String()
	case t.source.end() == listeningEnd:
		return "accept on " + to
	case t.source.end() == ownEnd && t.waits == waitWrite:
		return "connect from " + to
	case t.source.end() == ownEnd:
		return t.waits.String() + " on " + to
	case t.waits == waitWrite:
		return "write to " + to
	}
	return t.waits.String() + " from " + to
}

// running is the task that a silent loop is running, as far as it can be seen.
func (a *answer[T]) running(sites siteWords) (info TaskInfo, ok bool) {
	if a.seen.id == 0 {
		return info, false
	}
	return TaskInfo{
		Loop: a.loop.number, LoopName: a.loop.name,
		ID: a.seen.id, Name: a.loop.names.get(a.seen.id), Spawned: sites.of(a.seen.site),
		State: TaskRunning, Since: a.loop.time(a.doing.Since),
	}, true
}

// time is a moment of the loop's clock.
func (l *loop) time(at time.Duration) time.Time { return l.reactor.OS().Epoch().Add(at) }

// siteWords are spawn sites in words: many tasks, few places.
type siteWords map[uintptr]string

func (w siteWords) of(site uintptr) string {
	words, ok := w[site]
	if !ok {
		words = "a call of another goroutine"
		if site != 0 {
			words = spawnSite(site)
		}
		w[site] = words
	}
	return words
}
