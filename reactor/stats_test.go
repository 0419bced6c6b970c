package reactor

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

const ms = time.Millisecond

// sleepyOS is a fakeOS whose waits take time, unless they only look. It counts
// the looks at the clock.
type sleepyOS struct {
	*fakeOS
	sleep  time.Duration // how long the next waits take
	during func()        // is called in them
	looks  int
}

func newSleepyLoop(t *testing.T, o Options) (*Loop, *sleepyOS) {
	t.Helper()
	f := &sleepyOS{fakeOS: newFakeOS()}
	o.OS, o.Logger = f, quiet
	l, err := NewLoop(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l, f
}

func (f *sleepyOS) Now() time.Duration {
	f.looks++
	return f.now
}

func (f *sleepyOS) Wait(events []poller.Event, timeout time.Duration) (int, error) {
	if f.during != nil {
		f.during()
	}
	if timeout != 0 {
		f.now += f.sleep
	}
	return f.fakeOS.Wait(events, timeout)
}

// takes is a task that computes for so long.
func (f *sleepyOS) takes(d time.Duration) runFunc { return func() { f.now += d } }

func TestStatsTellBusyTimeFromIdleTime(t *testing.T) {
	t.Run("A turn is busy from the end of one wait to the beginning of the next", func(t *testing.T) {
		l, f := newSleepyLoop(t, Options{})
		_, file := f.conn(t, l, ConnOptions{}, &calls{data: func(_ *Conn, b []byte) int { f.now += 2 * ms; return len(b) }})
		f.sleep = 100 * ms
		l.Schedule(f.takes(3 * ms))
		f.feed(file, "x")
		require.NoError(t, l.Turn(-1)) // 3 ms, sleep, 2 ms
		s := l.Stats()
		require.Equal(t, 3*ms, s.BusyTime, "BusyTime up to the wait")
		require.Equal(t, 100*ms, s.IdleTime, "IdleTime")

		l.Schedule(f.takes(4 * ms))
		require.NoError(t, l.Turn(-1)) // the 2 ms, and 4 ms
		s = l.Stats()
		require.Equal(t, 9*ms, s.BusyTime, "BusyTime up to the second wait")
		require.Equal(t, 200*ms, s.IdleTime, "IdleTime")
		require.EqualValues(t, 2, s.TurnTime.Count(), "turns in TurnTime")
		require.Equal(t, 6*ms, s.TurnTime.Max(), "longest turn: an event of the first wait and a task behind it")
		require.Equal(t, s.BusyTime, s.TurnTime.Sum(), "sum of TurnTime")
	})

	t.Run("One that leaves work ends where the next begins, and has no idle time", func(t *testing.T) {
		l, f := newSleepyLoop(t, Options{Limits: Limits{TasksPerTurn: 1}})
		f.sleep = 100 * ms
		for range 3 {
			l.Schedule(f.takes(5 * ms))
		}
		for range 3 {
			require.NoError(t, l.Turn(-1))
		}
		s := l.Stats()
		require.EqualValues(t, 3, s.TurnTime.Count())
		require.Equal(t, 5*ms, s.TurnTime.Max())
		require.Equal(t, 15*ms, s.BusyTime)
		require.Equal(t, 100*ms, s.IdleTime, "the third turn's sleep")
		require.EqualValues(t, 3, s.Turns, "Turns")
		require.EqualValues(t, 1, s.Waits, "Waits that may have slept")
	})

	t.Run("The closing loop's work is counted too", func(t *testing.T) {
		l, f := newSleepyLoop(t, Options{})
		f.sleep = 100 * ms
		require.NoError(t, l.Turn(-1))
		l.Schedule(f.takes(7 * ms))
		require.NoError(t, l.Close())
		require.Equal(t, 7*ms, l.Stats().BusyTime)
	})
}

func TestStatsCostFewLooksAtTheClock(t *testing.T) {
	looks := func(t *testing.T, prepare func(*Loop)) int {
		l, f := newSleepyLoop(t, Options{Limits: Limits{TasksPerTurn: 100}})
		prepare(l)
		before := f.looks
		require.NoError(t, l.Turn(-1))
		return f.looks - before
	}
	tasks := func(n int) func(*Loop) {
		return func(l *Loop) {
			for range n {
				l.Schedule(runFunc(func() {}))
			}
		}
	}
	require.Equal(t, 1, looks(t, tasks(101)), "looks in a turn that leaves work over")
	require.Equal(t, 3, looks(t, tasks(0)), "looks in a turn that sleeps")
	require.Equal(t, 3, looks(t, tasks(99)), "looks in a turn that runs 99 tasks and sleeps")
	require.Equal(t, 3, looks(t, func(l *Loop) { l.AfterFunc(time.Hour, func() {}) }), "looks in a turn that sleeps up to a timer")
}

func TestStatsTellHowLateTimersFire(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	for _, at := range []time.Duration{20 * ms, 5 * ms, 7 * ms} {
		l.AfterFunc(at, func() {})
	}
	f.now = 10 * ms
	turn(t, l)
	s := l.Stats()
	require.EqualValues(t, 2, s.TimerLateness.Count(), "timers fired")
	require.Equal(t, 5*ms, s.TimerLateness.Max())
	require.Equal(t, 8*ms, s.TimerLateness.Sum())
	f.now = 20 * ms
	turn(t, l)
	s = l.Stats()
	require.EqualValues(t, 3, s.TimerLateness.Count())
	require.Equal(t, 8*ms, s.TimerLateness.Sum(), "after a timer that was in time")
}

func TestStatsTellWhichBudgetWasSpent(t *testing.T) {
	limits := Limits{EventsPerWait: 4, TasksPerTurn: 4, TimersPerTurn: 4, AcceptsPerTurn: 4, BytesPerTurn: 100}
	for name, test := range map[string]struct {
		want Budgets
		work func(t *testing.T, l *Loop, f *fakeOS, n int) // n of it, of which a turn does 4
	}{
		"tasks": {Budgets{Tasks: 1}, func(_ *testing.T, l *Loop, _ *fakeOS, n int) {
			for range n {
				l.Schedule(runFunc(func() {}))
			}
		}},
		"tasks that panic": {Budgets{Tasks: 1}, func(_ *testing.T, l *Loop, _ *fakeOS, n int) {
			for range n {
				l.Schedule(runFunc(func() { panic("boom") }))
			}
		}},
		"timers": {Budgets{Timers: 1}, func(_ *testing.T, l *Loop, _ *fakeOS, n int) {
			for range n {
				l.AfterFunc(0, func() {})
			}
		}},
		"deadlines": {Budgets{Deadlines: 1}, func(t *testing.T, l *Loop, f *fakeOS, n int) {
			for range n {
				s, _ := fakeSource(t, l, f)
				require.NoError(t, s.Await(In, waiterFunc(func(error) {})))
				s.SetDeadline(In, ms)
			}
			f.now += 10 * ms
		}},
		"events": {Budgets{Events: 1}, func(t *testing.T, l *Loop, f *fakeOS, n int) {
			for range n {
				_, file := fakeSource(t, l, f)
				f.event(file, poller.Readable)
			}
		}},
		"accepts": {Budgets{Accepts: 1}, func(t *testing.T, l *Loop, f *fakeOS, n int) {
			_, queue := f.listen(t, l, ListenOptions{}, always(NopHandler{}))
			f.arrive(queue, n)
		}},
		"bytes read": {Budgets{Bytes: 1}, func(t *testing.T, l *Loop, f *fakeOS, n int) {
			l.readBuffer = make([]byte, 25)
			_, file := f.conn(t, l, ConnOptions{}, NopHandler{})
			f.feed(file, string(pattern(25*n)))
		}},
		"bytes written": {Budgets{Bytes: 1}, func(t *testing.T, l *Loop, f *fakeOS, n int) {
			c, file := f.conn(t, l, ConnOptions{}, NopHandler{})
			file.room = 0
			_, _ = c.Write(pattern(10_000)) // chunks of 4 KiB: a flush gets over the budget with each
			turn(t, l)
			f.makeRoom(file, 25*n)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l, f := newFakeLoop(t, Options{Limits: limits})
			test.work(t, l, f, 5)
			turn(t, l)
			require.Equal(t, test.want, l.Stats().Spent, "budgets spent by 5 of what a turn does 4 of")
		})
		if name == "bytes written" {
			continue // how much one call writes is the kernel's choice
		}
		t.Run(name+", less than the budget", func(t *testing.T) {
			l, f := newFakeLoop(t, Options{Limits: limits})
			test.work(t, l, f, 3)
			turn(t, l)
			require.Zero(t, l.Stats().Spent, "budgets spent by 3 of what a turn does 4 of")
		})
	}
}

func TestStatsTellTheQueuesLength(t *testing.T) {
	l, _ := newFakeLoop(t, Options{Limits: Limits{TasksPerTurn: 10}})
	for range 25 {
		require.NoError(t, l.Post(func() {}))
	}
	for _, want := range []int{15, 5, 0} {
		turn(t, l)
		s := l.Stats()
		require.Equal(t, want, s.Ready, "Ready")
		require.Equal(t, 25, s.MaxReady, "MaxReady")
	}
}

func TestStatsCountAWakeUpForEachSleepThatAPostEnds(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		asleep := func() {
			for !s.posts.sleeping.Load() {
				runtime.Gosched()
			}
		}
		const rounds = 20
		for range rounds {
			asleep()
			s.do(func() {})
		}
		var before, after Stats
		asleep()
		s.do(func() { before = s.Stats() })
		require.EqualValues(t, rounds+1, before.Wakeups, "wake-ups by %d posts to a sleeping loop", rounds+1)
		c := e.dial(s.listener)
		for range rounds {
			asleep()
			pingPong(t, c, "ping")
		}
		asleep()
		s.do(func() { after = s.Stats() })
		require.EqualValues(t, 1, after.Wakeups-before.Wakeups, "wake-ups by %d messages and a post", rounds)
		require.GreaterOrEqual(t, after.Waits-before.Waits, uint64(rounds), "waits that slept")
		require.Greater(t, after.IdleTime, before.IdleTime)
		require.Greater(t, after.BusyTime, before.BusyTime)
	})
}
