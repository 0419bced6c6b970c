package reactor

import "time"

// Timer calls a function once, on its loop, not before its time. All methods
// belong to the loop's goroutine.
type Timer struct {
	loop   *Loop
	target Runnable
	at     int // place in the heap, counted from 1; 0 when it is not set
}

// AfterFunc calls fn once d has passed, and not before the next turn. A
// duration of zero or less is the next turn. Timers of one moment fire in the
// order in which they were set.
func (l *Loop) AfterFunc(d time.Duration, fn func()) *Timer {
	t := l.NewTimer(fn)
	t.Reset(d)
	return t
}

// NewTimer makes a timer that is not set; Reset sets it.
func (l *Loop) NewTimer(fn func()) *Timer { return &Timer{loop: l, target: runFunc(fn)} }

// Init prepares a timer that is a part of something else, and allocates nothing:
// when it fires, it runs target. It must not be set at the time.
func (t *Timer) Init(l *Loop, target Runnable) { *t = Timer{loop: l, target: target} }

// Reset sets t to fire once d has passed from now, whatever it was set to.
// It reports whether t was set before.
func (t *Timer) Reset(d time.Duration) bool {
	return t.ResetAt(t.loop.After(d))
}

// ResetAt is Reset with a moment on the loop's clock (see Loop.After, Loop.At).
func (t *Timer) ResetAt(when time.Duration) bool {
	wasSet := t.Stop()
	t.loop.timers.add(t, when)
	return wasSet
}

// IsSet reports whether t is set and has not fired.
func (t *Timer) IsSet() bool { return t.at != 0 }

// Stop unsets t and reports whether it was set: whether the call prevents it
// from firing.
func (t *Timer) Stop() bool {
	if t.at == 0 {
		return false
	}
	t.loop.timers.remove(t)
	return true
}

// timerHeap orders timers by their moment, then by the order in which they
// were set. It is a heap with four children to a node, half as deep as a
// binary one, with the keys inside the array so that comparing touches no
// timer. The array is in pages: with a million timers, one that grows as a whole
// stops the loop to copy 24 MB, and leaves as much garbage four times over.
type timerHeap struct {
	pages  []*timerPage
	len    int
	set    uint64 // timers set so far
	marked uint64 // value of set at the last mark
}

// timerPage is a part of the array.
//
// Bound: 24 KB, the least that a loop with a timer has; one page that is not
// needed is kept.
type timerPage [1024]timerEntry

type timerEntry struct {
	when  time.Duration // on the loop's clock
	seq   uint64
	timer *Timer
}

func (e *timerEntry) before(o *timerEntry) bool {
	return e.when < o.when || e.when == o.when && e.seq < o.seq
}

// entry is the one at a place of the heap. The first is three from the array's
// beginning: so the children of one node are on one page.
func (h *timerHeap) entry(i int) *timerEntry {
	at := uint(i) + 3
	return &h.pages[at/uint(len(timerPage{}))][at%uint(len(timerPage{}))]
}

// children are the entries of one node's, of which the first has that place.
func (h *timerHeap) children(first int) []timerEntry {
	at := uint(first) + 3
	begin := at % uint(len(timerPage{}))
	return h.pages[at/uint(len(timerPage{}))][begin:min(begin+4, begin+uint(h.len-first))]
}

func (h *timerHeap) add(t *Timer, when time.Duration) {
	h.set++
	if h.len+3 == len(h.pages)*len(timerPage{}) || len(h.pages) == 0 {
		h.pages = append(h.pages, new(timerPage))
	}
	h.len++
	h.up(h.len-1, timerEntry{when, h.set, t})
}

func (h *timerHeap) remove(t *Timer) {
	i := t.at - 1
	t.at = 0
	h.len--
	last := h.entry(h.len)
	if i == h.len { // as is common: what was set last ends last, and is stopped
		*last = timerEntry{}
		h.shrink()
		return
	}
	moved := *last
	*last = timerEntry{}
	h.shrink()
	if i > 0 && moved.before(h.entry((i-1)/4)) {
		h.up(i, moved)
	} else {
		h.down(i, moved)
	}
}

// shrink gives a page back that is not needed, but for one.
func (h *timerHeap) shrink() {
	if spare := len(h.pages) - 1; spare > 1 && h.len+3 < (spare-1)*len(timerPage{}) {
		h.pages[spare] = nil
		h.pages = h.pages[:spare]
	}
}

func (h *timerHeap) up(i int, e timerEntry) {
	for i > 0 {
		parent := (i - 1) / 4
		above := h.entry(parent)
		if !e.before(above) {
			break
		}
		h.place(i, *above)
		i = parent
	}
	h.place(i, e)
}

func (h *timerHeap) down(i int, e timerEntry) {
	for {
		first := 4*i + 1
		if first >= h.len {
			break
		}
		children := h.children(first)
		least, under := first, &children[0]
		for c := 1; c < len(children); c++ {
			if children[c].before(under) {
				least, under = first+c, &children[c]
			}
		}
		if !under.before(&e) {
			break
		}
		h.place(i, *under)
		i = least
	}
	h.place(i, e)
}

func (h *timerHeap) place(i int, e timerEntry) {
	*h.entry(i) = e
	e.timer.at = i + 1
}

// next is the moment of the earliest timer.
func (h *timerHeap) next() (time.Duration, bool) {
	if h.len == 0 {
		return 0, false
	}
	return h.entry(0).when, true
}

// mark makes due pass over timers set from here on: a timer that is set by a
// timer waits for the next turn.
func (h *timerHeap) mark() { h.marked = h.set }

// due removes and returns the earliest timer, if it is due and was set before
// the last mark. Timers set since sort behind all those: their moment is not
// before now, and their number is higher.
func (h *timerHeap) due(now time.Duration) *Timer {
	if h.len == 0 {
		return nil
	}
	e := h.entry(0)
	if e.when > now || e.seq > h.marked {
		return nil
	}
	t := e.timer
	h.remove(t)
	return t
}
