package reactor

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// check verifies that the wheel's parts agree with each other.
func (w *wheel) check(t rapid.TB) {
	entries := 0
	walk := func(list *deadlineList, place int) {
		var prev *deadlines
		for d := list.first; d != nil; d = d.next {
			require.Same(t, prev, d.prev, "link back")
			require.EqualValues(t, place, d.place, "place kept in an entry")
			prev = d
			entries++
		}
	}
	for level := range w.levels {
		l := &w.levels[level]
		for slot := range l.slots {
			require.Equal(t, l.slots[slot].first != nil, l.occupied&(1<<slot) != 0, "bit of level %d slot %d", level, slot)
			walk(&l.slots[slot], level*wheelSlots+slot)
		}
	}
	walk(&w.overdue, inOverdue)
	require.Equal(t, entries, w.len, "entries")
}

// The model is a list of moments that is searched from end to end.
func TestWheelAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wholeTicks := func(most int64) *rapid.Generator[int64] {
			return rapid.Map(rapid.Int64Range(0, most), func(ticks int64) int64 { return ticks * int64(wheelTick) })
		}
		begin := rapid.OneOf(wholeTicks(math.MaxInt64/2/int64(wheelTick)), rapid.Int64Range(0, math.MaxInt64/2))
		l := &Loop{now: time.Duration(begin.Draw(t, "begin"))}
		w := &l.wheel
		w.hand = int64(l.now / wheelTick)
		model := map[*deadlines]time.Duration{} // the true moment; found may be earlier
		movedOn := map[*deadlines]bool{}        // when the wheel had given it out already
		var all []*deadlines
		step := rapid.OneOf(
			wholeTicks(3),
			rapid.Int64Range(0, int64(3*wheelTick)),
			rapid.Int64Range(0, int64(5000*wheelTick)),
			rapid.Int64Range(0, int64(wheelTick)<<30),
			rapid.Int64Range(0, math.MaxInt64/4))
		later := func(d int64) time.Duration {
			if int64(l.now) > math.MaxInt64-d {
				return math.MaxInt64
			}
			return l.now + time.Duration(d)
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				w.check(t)
				if len(model) == 0 {
					return
				}
				earliest := time.Duration(math.MaxInt64)
				for _, when := range model {
					earliest = min(earliest, when)
				}
				next, ok := w.next()
				require.True(t, ok, "next with %d entries", len(model))
				// A tick is a whole number: the last one of all ends behind MaxInt64.
				require.LessOrEqual(t, next/wheelTick, earliest/wheelTick+1, "next against the earliest deadline")
			},
			"set": func(t *rapid.T) {
				s := &Source{loop: l, registered: true}
				d := &deadlines{source: s, place: notInWheel}
				s.deadlines = d
				s.waiters[In] = waiterFunc(func(error) {
					when, ok := model[d]
					require.True(t, ok, "a deadline that is not set fired")
					require.LessOrEqual(t, when, l.now, "moment of a deadline that fired, against now: early")
					delete(model, d)
				})
				d.at[In] = max(later(step.Draw(t, "in")), 1)
				w.set(d, d.at[In])
				model[d] = d.at[In]
				all = append(all, d)
			},
			"unset": func(t *rapid.T) {
				for d := range model { // any
					w.unset(d)
					delete(model, d)
					return
				}
			},
			"move": func(t *rapid.T) {
				for d := range model {
					movedOn[d] = d.place == inOverdue
					d.source.SetDeadline(In, max(later(step.Draw(t, "in")), 1))
					model[d] = d.at[In]
					return
				}
			},
			"advance": func(t *rapid.T) {
				l.now = later(step.Draw(t, "by"))
				w.advance(l.now)
				for d := w.takeOverdue(); d != nil; d = w.takeOverdue() {
					if when, ok := model[d]; ok && when > l.now {
						require.True(t, movedOn[d], "a deadline of %v was found at %v: early", when, l.now)
					}
					movedOn[d] = false
					d.fire()
				}
				for _, when := range model {
					require.Greater(t, when, l.now-wheelTick, "a deadline that did not fire within a tick of its moment")
				}
			},
		})
		for _, d := range all {
			if d.place == notInWheel {
				require.Nil(t, d.next, "link of an entry that is out of the wheel: it keeps another connection alive")
				require.Nil(t, d.prev, "link of an entry that is out of the wheel")
			}
		}
	})
}

type waiterFunc func(error)

func (f waiterFunc) Ready(err error) { f(err) }
