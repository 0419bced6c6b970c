package coro

import (
	"log/slog"
	"runtime/debug"
	"time"
)

// Stall is a turn of a loop that takes longer than Config.StallLimit, as the
// watchdog saw it: while it lasts, the loop serves nobody.
type Stall struct {
	// Loop is the loop's number, LoopName its Config's Name, Turn the number
	// of the turn.
	Loop     int
	LoopName string
	Turn     uint64
	// Report counts the reports of this turn, from 1. They come after the
	// limit, and while the turn lasts after twice the time, four times, and so
	// on.
	Report int
	// For is how long the turn has been seen to last. It began up to a quarter
	// of the limit before that.
	For time.Duration
	// Unseen is the part of For in which the watchdog did not run either: the
	// process was stopped, or got no processor. It does not count for the
	// limit.
	Unseen time.Duration

	// Task is the number of the task that is running; 0 if none is, and a
	// callback of the loop holds it up. Name and Spawned are as in TaskInfo.
	Task    uint64
	Name    string
	Spawned string
	// TaskFor is how long that task was the one that ran whenever the watchdog
	// looked. Far less than For, it is not one task that computes, but many
	// that each take their time.
	TaskFor time.Duration
	// Stack is what the loop is doing now, as a goroutine's stack. It is empty
	// if Note says why.
	Stack string
	Note  string
}

// report tells of a loop that stands still. A panic of a handler of the user's
// is contained.
func (w *watch) report(now time.Time) {
	l := w.loop
	defer func() {
		if value := recover(); value != nil {
			l.log.Error("coro: panic in Config.OnStall", "panic", value, "stack", string(debug.Stack()))
		}
	}()
	seen := l.glimpse()
	s := Stall{
		Loop: l.number, LoopName: l.name, Turn: w.doing.Turn, Report: w.nth,
		For: now.Sub(w.first), Unseen: max(now.Sub(w.first)-w.held, 0),
		Task: seen.id,
	}
	if seen.id != 0 {
		s.Name, s.Spawned = l.names.get(seen.id), siteWords{}.of(seen.site)
	}
	if seen.id == w.task {
		s.TaskFor = now.Sub(w.steady)
	}
	s.Stack, s.Note = l.stackNow(seen)
	if s.Note == "" && l.glimpse() != seen {
		s.Note = "the stack may be out of date: the loop has gone on"
	}
	s.log(l.log)
	if w.onStall != nil {
		w.onStall(s)
	}
}

// log is the report as a line of the log.
func (s *Stall) log(to *slog.Logger) {
	what := []any{"loop", s.Loop, "for", s.For.Round(time.Millisecond)}
	add := func(key string, value any, is bool) {
		if is {
			what = append(what, key, value)
		}
	}
	add("loop_name", s.LoopName, s.LoopName != "")
	add("unseen", s.Unseen.Round(time.Millisecond), s.Unseen > s.For/4)
	add("task", s.Task, s.Task != 0)
	add("name", s.Name, s.Name != "")
	add("spawned", s.Spawned, s.Task != 0)
	add("task_for", s.TaskFor.Round(time.Millisecond), s.Task != 0)
	add("note", s.Note, s.Note != "")
	add("stack", s.Stack, s.Stack != "")
	if s.Task != 0 {
		to.Warn("coro: a task holds up its loop", what...)
	} else {
		to.Warn("coro: a callback holds up its loop", what...)
	}
}
