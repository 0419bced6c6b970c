package reactor

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// check verifies the heap's order and that every timer knows its place.
func (h *timerHeap) check(t require.TestingT) {
	for i := range h.len {
		e := h.entry(i)
		require.Equal(t, i+1, e.timer.at, "place kept in the timer of entry %d", i)
		if i > 0 {
			require.False(t, e.before(h.entry((i-1)/4)), "entry %d sorts before its parent", i)
		}
	}
}

// The model is a slice that is sorted before every look.
func TestTimerHeapHoldsTheOrderOfASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			when time.Duration
			seq  int
			t    *Timer
		}
		var h timerHeap
		l := &Loop{}
		var model []entry
		seq := 0
		now := time.Duration(0)
		instant := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, math.MaxInt64))
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { h.check(t); require.Equal(t, len(model), h.len) },
			"add": func(t *rapid.T) {
				timer := &Timer{loop: l}
				when := time.Duration(instant.Draw(t, "when"))
				h.add(timer, when)
				seq++
				model = append(model, entry{when, seq, timer})
			},
			"remove": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(model)-1).Draw(t, "i")
				h.remove(model[i].t)
				require.Zero(t, model[i].t.at, "place of a removed timer")
				model = slices.Delete(model, i, i+1)
			},
			"due": func(t *rapid.T) {
				slices.SortFunc(model, func(a, b entry) int {
					if a.when != b.when {
						return int(min(max(a.when-b.when, -1), 1))
					}
					return a.seq - b.seq
				})
				now = max(now, time.Duration(instant.Draw(t, "now")))
				h.mark()
				for {
					got := h.due(now)
					if len(model) == 0 || model[0].when > now {
						require.Nil(t, got, "due timer, the model has none")
						break
					}
					require.Same(t, model[0].t, got, "due timer")
					model = model[1:]
				}
			},
		})
	})
}

func TestTimerHeapGivesABurstsMemoryBack(t *testing.T) {
	var h timerHeap
	burst := make([]Timer, 100_000)
	for i := range burst {
		h.add(&burst[i], time.Duration(i))
	}
	h.check(t)
	for i := range burst {
		h.remove(&burst[i])
	}
	require.LessOrEqual(t, len(h.pages), 2, "pages of an empty heap after a burst")
}

func TestTimerIsNeverEarly(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		l, _ := e.loop(Options{})
		left := 0
		for _, d := range []time.Duration{0, 1, time.Microsecond, 300 * time.Microsecond, time.Millisecond, 1500 * time.Microsecond, 7 * time.Millisecond} {
			left++
			set := l.OS().Now()
			l.AfterFunc(d, func() {
				left--
				require.GreaterOrEqual(t, l.OS().Now()-set, d, "time passed when the timer for %v fired", d)
			})
		}
		for left > 0 {
			require.NoError(t, l.Turn(time.Millisecond))
		}
	})
}

func TestTimersOfOneMomentFireInTheOrderTheyWereSet(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	var got []int
	for i := range 100 {
		l.AfterFunc(time.Second, func() { got = append(got, i) })
	}
	f.now = time.Second
	turn(t, l)
	require.Len(t, got, 100)
	require.True(t, slices.IsSorted(got), "order of firing: got %v, want 0 to 99", got)
}

func TestTimerOfZeroOrLessFiresInTheNextTurn(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	fired := 0
	for _, d := range []time.Duration{0, -1, math.MinInt64} {
		l.AfterFunc(d, func() { fired++ })
	}
	require.Zero(t, fired, "timers fired before the turn")
	require.NoError(t, l.Turn(-1))
	require.Equal(t, 3, fired, "timers fired in the next turn")
	l.AfterFunc(-time.Hour, func() {})
	require.NoError(t, l.Turn(-1))
	require.NoError(t, l.Turn(-1))
	require.EqualValues(t, -1, f.timeout, "timeout with nothing set")
}

func TestTimerMayBeHuge(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	f.now = time.Hour
	fired := map[time.Duration]bool{}
	huge := []time.Duration{25 * 24 * time.Hour, 150 * 365 * 24 * time.Hour, math.MaxInt64}
	for _, d := range huge {
		l.AfterFunc(d, func() { fired[d] = true })
	}
	require.NoError(t, l.Turn(-1))
	require.Equal(t, 25*24*time.Hour, f.timeout, "timeout of the wait for the first timer")
	f.now += 25*24*time.Hour - 1
	turn(t, l)
	require.Empty(t, fired, "timers fired 1 ns before the first one's time")
	f.now++
	turn(t, l)
	require.Len(t, fired, 1, "timers fired after 25 days")
	f.now = math.MaxInt64 - 1
	turn(t, l)
	require.Len(t, fired, 2, "timers fired 1 ns before the end of time")
	f.now = math.MaxInt64
	turn(t, l)
	require.Len(t, fired, 3, "timers fired at the end of time")
}

func TestTimerSetByATimerWaitsForTheNextTurn(t *testing.T) {
	l, _ := newFakeLoop(t, Options{})
	fired := 0
	var again func()
	again = func() {
		fired++
		l.AfterFunc(0, again)
	}
	l.AfterFunc(0, again)
	for i := range 5 {
		require.Equal(t, i, fired, "times fired before turn %d", i)
		turn(t, l)
	}
}

func TestTimerCanBeStoppedAndResetInsideCallbacks(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	var got []string
	var b, c, self *Timer
	l.AfterFunc(time.Second, func() {
		got = append(got, "a")
		require.True(t, b.Stop(), "Stop of a timer that is due in the same turn")
		require.False(t, b.Stop(), "second Stop")
		require.True(t, c.Reset(time.Second), "Reset of a timer that is due in the same turn")
	})
	b = l.AfterFunc(time.Second, func() { got = append(got, "b") })
	c = l.AfterFunc(time.Second, func() { got = append(got, "c") })
	self = l.NewTimer(func() {
		got = append(got, "self")
		require.False(t, self.Stop(), "Stop of the timer that is firing")
		if len(got) < 4 {
			require.False(t, self.Reset(time.Second), "Reset of the timer that is firing")
		}
	})
	self.Reset(time.Second)
	for range 4 {
		f.now += time.Second
		turn(t, l)
		turn(t, l)
	}
	require.Equal(t, []string{"a", "self", "c", "self"}, got, "timers in the order of firing")
}

func TestTimerFiresOnce(t *testing.T) {
	l, f := newFakeLoop(t, Options{Limits: Limits{TimersPerTurn: 3}})
	fired := make([]int, 10)
	for i := range fired {
		l.AfterFunc(time.Second, func() {
			fired[i]++
			if i == 4 {
				panic("in a timer")
			}
		})
	}
	f.now = time.Hour
	for range 10 {
		turn(t, l)
	}
	for i, n := range fired {
		require.Equal(t, 1, n, "times timer %d fired", i)
	}
	require.EqualValues(t, 1, l.Stats().Panics)
	require.EqualValues(t, 10, l.Stats().Timers)
}

func TestTimersOverTheBudgetFireInTheNextTurnWithoutASleep(t *testing.T) {
	l, f := newFakeLoop(t, Options{Limits: Limits{TimersPerTurn: 3}})
	fired := 0
	for range 7 {
		l.AfterFunc(0, func() { fired++ })
	}
	for _, want := range []int{3, 6, 7} {
		require.NoError(t, l.Turn(-1))
		require.Equal(t, want, fired, "timers fired")
		if want < 7 {
			require.Zero(t, f.timeout, "timeout with due timers left over")
		}
	}
}
