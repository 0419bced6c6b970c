package reactor

import (
	"runtime/debug"
	"time"
)

// The phases of a turn, in the order in which Loop.Turn calls them.

// each calls step until it reports that nothing is left, or the budget is
// spent. A step that panics has had its turn: the panic is contained, and the
// next step follows.
func (l *Loop) each(budget int, step func(*Loop) bool) {
	for budget > 0 {
		budget = l.steps(budget, step)
	}
}

func (l *Loop) steps(budget int, step func(*Loop) bool) (left int) {
	defer l.contain()
	for left = budget; left > 0; {
		left--
		if !step(l) {
			return 0
		}
	}
	return 0
}

// contain is deferred around callbacks. A panic costs the connection whose
// handler raised it; one from elsewhere costs only what it interrupted.
func (l *Loop) contain() {
	value := recover()
	if value == nil {
		return
	}
	err := &PanicError{Value: value, Stack: debug.Stack()}
	l.stats.Panics++
	c := l.active
	l.active = nil
	if c == nil {
		l.log.Error("reactor: panic in a callback", "panic", value, "stack", string(err.Stack))
		return
	}
	l.log.Error("reactor: panic in a handler, closing its connection", "peer", c.RemoteAddr(), "panic", value, "stack", string(err.Stack))
	c.finish(err)
}

func (l *Loop) fireTimers() {
	if len(l.timers.entries) == 0 {
		return
	}
	l.timers.mark()
	l.each(l.limits.TimersPerTurn, (*Loop).fireTimer)
}

func (l *Loop) fireTimer() bool {
	t := l.timers.due(l.now)
	if t == nil {
		return false
	}
	l.stats.Timers++
	t.target.Run()
	return true
}

func (l *Loop) fireDeadlines() {
	if l.wheel.len == 0 {
		return
	}
	l.wheel.advance(l.now)
	l.each(l.limits.TimersPerTurn, (*Loop).fireDeadline)
}

func (l *Loop) fireDeadline() bool {
	d := l.wheel.takeOverdue()
	if d == nil {
		return false
	}
	l.stats.Deadlines++
	d.fire()
	return true
}

func (l *Loop) runBatch() {
	for _, r := range l.next {
		l.ready.push(r)
	}
	clear(l.next)
	l.next = l.next[:0]
	l.takePosted(l.posts.take())
	for budget := l.limits.TasksPerTurn; budget > 0 && l.ready.len > 0; {
		budget = l.runReady(budget)
	}
	if int64(l.taken) != l.posts.taken.Load() {
		l.posts.taken.Store(int64(l.taken))
	}
}

// carry puts what a budget interrupted into the next turn's batch. Schedule
// would put it into this one's, and the budget would be spent again and again.
func (l *Loop) carry(r Runnable) { l.next = append(l.next, r) }

func (l *Loop) takePosted(p *posted) {
	if p == nil {
		return
	}
	for ; p != nil; p = p.next {
		l.stats.Posted++
		l.taken++
		l.ready.push(runFunc(p.fn))
	}
	l.posts.taken.Store(int64(l.taken))
}

// runReady runs what is ready within the budget, up to a panic. It is steps with
// the step written out: a task's Run switches to another stack and back, after
// which the processor predicts every return to a caller wrongly. So each function
// between here and the switch would cost a task 6 ns.
func (l *Loop) runReady(budget int) (left int) {
	defer l.contain()
	for left = budget; left > 0 && l.ready.len > 0; {
		left--
		r := l.ready.pop()
		l.stats.Tasks++
		if _, posted := r.(runFunc); posted {
			l.taken--
		}
		r.Run()
	}
	return left
}

// runFunc is a posted function as a Runnable.
type runFunc func()

func (f runFunc) Run() { f() }

func (l *Loop) flushDirty() {
	if len(l.dirty) == 0 {
		return
	}
	// A flush can call OnWritable, whose handler writes to other connections;
	// those are appended here and wait for the next turn.
	l.flushing, l.dirty = l.dirty, l.flushing[:0]
	l.nextDirty = 0
	l.each(len(l.flushing), (*Loop).flushNext)
	clear(l.flushing)
}

func (l *Loop) flushNext() bool {
	c := l.flushing[l.nextDirty]
	l.nextDirty++
	c.dirty = false
	c.flush()
	return true
}

// wait sleeps until something is due, at most for limit.
func (l *Loop) wait(limit time.Duration) (int, error) {
	timeout := l.patience(limit)
	mayBlock := timeout != 0
	if mayBlock {
		// See postQueue for why this order loses no wake-up.
		l.posts.sleeping.Store(true)
		if !l.posts.empty() || l.stopped.Load() {
			timeout = 0
		}
	}
	n, err := l.os.Wait(l.events, timeout)
	if mayBlock {
		l.posts.sleeping.Store(false)
	}
	l.stats.Events += uint64(n)
	return n, err
}

// patience is how long the loop may wait: not at all with work left over, else
// up to the next timer or deadline.
func (l *Loop) patience(limit time.Duration) time.Duration {
	if l.ready.len+len(l.next) > 0 || len(l.dirty) > 0 || len(l.closing) > 0 || !l.posts.empty() || l.atEnd() {
		return 0
	}
	due, ok := l.timers.next()
	if d, any := l.wheel.next(); any && (!ok || d < due) {
		due, ok = d, true
	}
	if !ok {
		return limit
	}
	wait := max(due-l.os.Now(), 0)
	if limit >= 0 {
		wait = min(wait, limit)
	}
	return wait
}

func (l *Loop) dispatch(n int) {
	l.nextEvent = 0
	l.each(n, (*Loop).dispatchNext)
}

func (l *Loop) dispatchNext() bool {
	e := l.events[l.nextEvent]
	l.nextEvent++
	if s := l.slots.find(e.Token); s != nil {
		s.deliver(e.Ready)
	} else {
		l.stats.StaleEvents++ // closed earlier in this batch
	}
	return true
}

func (l *Loop) finishClosing() {
	// OnClose may close other connections: the slice can grow meanwhile. The
	// place outlives the function, which a Goexit in OnClose can end.
	for l.nextClosing < len(l.closing) {
		l.each(len(l.closing)-l.nextClosing, (*Loop).closeNext)
	}
	clear(l.closing)
	l.closing, l.nextClosing = l.closing[:0], 0
}

func (l *Loop) closeNext() bool {
	c := l.closing[l.nextClosing]
	l.nextClosing++
	c.closeNow()
	return true
}
