package reactor

import (
	"math/bits"
	"time"
)

// wheel finds the deadlines that have passed. It is a hierarchical timing
// wheel (Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987):
// level 0 has a slot for each of the next 64 ticks, level 1 a slot for each of
// the next 64 times 64 ticks, and so on. When the hand reaches a slot of a
// higher level, its entries move down.
//
// It is lazy: moving a deadline forward is one store in the deadlines it
// belongs to, and the entry stays where it is. When the hand gets there, it
// finds a later deadline and moves the entry on. A connection that pushes its
// idle deadline forward with every message is so touched by the wheel once in
// a deadline's length.
type wheel struct {
	hand    int64 // the tick up to which the slots are empty
	levels  [wheelLevels]wheelLevel
	overdue deadlineList // passed, not yet fired
	len     int
}

const (
	// wheelTick is the wheel's precision: a deadline fires up to this much
	// after its time, never before it. A power of two, 1.05 ms.
	wheelTick   = 1 << 20 * time.Nanosecond
	wheelBits   = 6
	wheelSlots  = 1 << wheelBits
	wheelLevels = 6
	// wheelReach is how far ahead of the hand an entry is put, 2.2 years: one
	// slot of the last level short of the whole turn, or it would land in the
	// slot the hand is in. Later deadlines wait there and are moved on.
	wheelReach = (wheelSlots - 1) << (wheelBits * (wheelLevels - 1))
)

type wheelLevel struct {
	occupied uint64 // bit i: slots[i] is not empty
	slots    [wheelSlots]deadlineList
}

// deadlineList is a doubly linked list through the deadlines themselves.
type deadlineList struct{ first *deadlines }

func (l *deadlineList) push(d *deadlines) {
	d.prev, d.next = nil, l.first
	if l.first != nil {
		l.first.prev = d
	}
	l.first = d
}

func (l *deadlineList) remove(d *deadlines) {
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		l.first = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	}
	d.next, d.prev = nil, nil
}

// Places that are no slot. A slot's place is level*wheelSlots + slot.
const (
	notInWheel = -1
	inOverdue  = -2
)

// set places d so that it is found once `when` has passed.
func (w *wheel) set(d *deadlines, when time.Duration) {
	w.unset(d)
	w.len++
	d.found = when
	tick := int64(when / wheelTick)
	if when%wheelTick != 0 {
		tick++ // up: never early
	}
	if tick <= w.hand {
		d.place = inOverdue
		w.overdue.push(d)
		return
	}
	tick = min(tick, w.hand+wheelReach)
	// The level is that of the highest six-bit digit in which the tick differs
	// from the hand: all entries of a level come before those of the next.
	level := (bits.Len64(uint64(tick^w.hand)|(wheelSlots-1)) - 1) / wheelBits
	level = min(level, wheelLevels-1)
	slot := int(tick>>(wheelBits*level)) & (wheelSlots - 1)
	l := &w.levels[level]
	l.occupied |= 1 << slot
	l.slots[slot].push(d)
	d.place = int16(level*wheelSlots + slot)
}

// unset takes d out, if it is in.
func (w *wheel) unset(d *deadlines) {
	switch d.place {
	case notInWheel:
		return
	case inOverdue:
		w.overdue.remove(d)
	default:
		l, slot := &w.levels[d.place/wheelSlots], d.place%wheelSlots
		l.slots[slot].remove(d)
		if l.slots[slot].first == nil {
			l.occupied &^= 1 << slot
		}
	}
	d.place = notInWheel
	w.len--
}

// nextSlot is the first slot that holds anything, and the tick at which the
// hand reaches it.
func (w *wheel) nextSlot() (level, slot int, tick int64, ok bool) {
	for level := range w.levels {
		occupied := w.levels[level].occupied
		if occupied == 0 {
			continue
		}
		shift := wheelBits * level
		now := int(w.hand>>shift) & (wheelSlots - 1)
		ahead := bits.TrailingZeros64(bits.RotateLeft64(occupied, -now))
		start := w.hand >> shift << shift // the beginning of the hand's own slot
		return level, (now + ahead) & (wheelSlots - 1), start + int64(ahead)<<shift, true
	}
	return 0, 0, 0, false
}

// next is the moment at which advance has something to do: a deadline has
// passed, or entries move down a level.
func (w *wheel) next() (time.Duration, bool) {
	if w.overdue.first != nil {
		return 0, true
	}
	_, _, tick, ok := w.nextSlot()
	return time.Duration(tick) * wheelTick, ok
}

// advance moves the hand to now. Entries whose deadline has passed are in
// overdue afterwards, for fire to take.
func (w *wheel) advance(now time.Duration) {
	nowTick := int64(now / wheelTick)
	for {
		level, slot, tick, ok := w.nextSlot()
		if !ok || tick > nowTick {
			break
		}
		w.hand = max(w.hand, tick)
		l := &w.levels[level]
		d := l.slots[slot].first
		l.slots[slot].first = nil
		l.occupied &^= 1 << slot
		for d != nil {
			next := d.next
			d.next, d.prev, d.place = nil, nil, notInWheel
			w.len--
			if when, ok := d.earliest(); ok {
				w.set(d, when) // overdue, a lower level, or, moved forward meanwhile, anywhere
			}
			d = next
		}
	}
	w.hand = max(w.hand, nowTick)
}

// takeOverdue removes one passed deadline.
func (w *wheel) takeOverdue() *deadlines {
	d := w.overdue.first
	if d != nil {
		w.unset(d)
	}
	return d
}
