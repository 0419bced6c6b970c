package coro

import "unsafe"

// glimpse is what can be seen of the task that a loop is running without the
// loop's help: it is for a loop that does not answer.
type glimpse struct {
	id   uint64  // 0 if none runs
	site uintptr // where it was spawned
	task uintptr // its address, as it stands in stack traces; never followed
}

// glimpse reads the loop's fields from any goroutine, without synchronisation,
// so that a resume of a task does not have to pay for any.
//
// Why it is correct: the memory model lets a racing read of a word see only a
// value that was written there. So current is nil or a task of the loop, which
// the variable keeps alive, and its fields are those of some life of it, this
// one's if the loop stands still: what was written before the loop stored
// running, which is an atomic variable, is seen by who loads it first. If it does
// not stand still, the answer is out of date, as any answer would be. On 32 bits
// a number over 2^32 may be one that no task ever had. The race detector, which
// cannot know this, is told to look away.
//
//go:norace
func (l *loop) glimpse() glimpse {
	_ = l.running.Load()
	t := l.current
	if t == nil {
		return glimpse{}
	}
	return glimpse{t.id, t.site, uintptr(unsafe.Pointer(t))}
}
