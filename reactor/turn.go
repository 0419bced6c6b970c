package reactor

import (
	"runtime/debug"
	"time"
)

// The phases of a turn, in the order in which Loop.Turn calls them.

// each calls step until it reports that nothing is left, or the budget is
// spent, and reports whether it is spent. A step that panics has had its turn:
// the panic is contained, and the next step follows.
func (l *Loop) each(budget int, step func(*Loop) bool) (spent bool) {
	for budget > 0 {
		budget = l.steps(budget, step)
	}
	return budget == 0
}

// nothingLeft is a budget that there was more of than work.
const nothingLeft = -1

func (l *Loop) steps(budget int, step func(*Loop) bool) (left int) {
	defer l.contain()
	for left = budget; left > 0; {
		left--
		if !step(l) {
			return nothingLeft
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
	if l.timers.len == 0 {
		return
	}
	l.timers.mark()
	if l.each(l.limits.TimersPerTurn, (*Loop).fireTimer) {
		l.stats.Spent.Timers++
	}
}

func (l *Loop) fireTimer() bool {
	when, _ := l.timers.next()
	t := l.timers.due(l.now)
	if t == nil {
		return false
	}
	l.stats.Timers++
	l.stats.TimerLateness.Record(l.now - when)
	t.target.Run()
	return true
}

func (l *Loop) fireDeadlines() {
	if l.wheel.len == 0 {
		return
	}
	l.wheel.advance(l.now)
	if l.each(l.limits.TimersPerTurn, (*Loop).fireDeadline) {
		l.stats.Spent.Deadlines++
	}
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
	l.stats.MaxReady = max(l.stats.MaxReady, l.ready.len)
	if l.shuffle != nil {
		l.shuffleReady()
	}
	budget := l.limits.TasksPerTurn
	for budget > 0 && l.ready.len > 0 {
		budget = l.runReady(budget)
	}
	if budget == 0 {
		l.stats.Spent.Tasks++
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

// wait sleeps until something is due, at most for limit. With work left over it
// only looks what has happened.
func (l *Loop) wait(limit time.Duration) (int, error) {
	if limit != 0 && !l.hasWork() {
		now := l.os.Now()
		if timeout := l.patience(now, limit); timeout != 0 {
			return l.sleep(now, timeout)
		}
	}
	l.pulse.look()
	return l.poll(0)
}

// hasWork reports whether the next turn has something to do already.
func (l *Loop) hasWork() bool {
	return l.ready.len+len(l.next) > 0 || len(l.dirty) > 0 || len(l.closing) > 0 || !l.posts.empty() || l.atEnd()
}

// patience is how long the loop may wait: up to the next timer or deadline.
func (l *Loop) patience(now, limit time.Duration) time.Duration {
	due, ok := l.timers.next()
	if d, any := l.wheel.next(); any && (!ok || d < due) {
		due, ok = d, true
	}
	if !ok {
		return limit
	}
	wait := max(due-now, 0)
	if limit >= 0 {
		wait = min(wait, limit)
	}
	return wait
}

// sleep waits where a Post or Stop has to wake it. See postQueue for why this
// order loses none.
func (l *Loop) sleep(now, timeout time.Duration) (int, error) {
	l.stats.Waits++
	l.pulse.sleep(now)
	l.posts.sleeping.Store(true)
	if !l.posts.empty() || l.stopped.Load() {
		timeout = 0
	}
	n, err := l.poll(timeout)
	if !l.posts.sleeping.Swap(false) {
		l.stats.Wakeups++
	}
	l.pulse.wake(l.os.Now())
	return n, err
}

func (l *Loop) poll(timeout time.Duration) (int, error) {
	n, err := l.os.Wait(l.events, timeout)
	l.stats.Events += uint64(n)
	if n == len(l.events) {
		l.stats.Spent.Events++
	}
	return n, err
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
