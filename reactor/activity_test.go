package reactor

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestActivityIsBusyOutsideTheWaitAndSaysSinceWhen(t *testing.T) {
	l, f := newSleepyLoop(t, Options{})
	f.sleep = 100 * ms
	var asleep Activity
	f.during = func() { asleep = l.Activity() }
	var inTask, inEvent Activity
	_, file := f.conn(t, l, ConnOptions{}, &calls{data: func(_ *Conn, b []byte) int { inEvent = l.Activity(); return len(b) }})
	require.Equal(t, Activity{}, l.Activity(), "before the first turn")

	f.now = 50 * ms
	l.Schedule(runFunc(func() { f.now += 5 * ms; inTask = l.Activity() }))
	f.feed(file, "x")
	require.NoError(t, l.Turn(-1))
	require.Equal(t, Activity{Turn: 1, Busy: true, Since: 50 * ms}, inTask, "in a task of the first turn")
	require.Equal(t, Activity{Turn: 1, Since: 55 * ms}, asleep, "in the wait")
	require.Equal(t, Activity{Turn: 1, Busy: true, Since: 155 * ms}, inEvent, "in a handler, behind the wait")

	l.Schedule(runFunc(func() {
		f.now += 5 * ms
		inTask = l.Activity()
		l.carry(runFunc(func() { inTask = l.Activity() }))
	}))
	require.NoError(t, l.Turn(-1))
	require.Equal(t, Activity{Turn: 2, Busy: true, Since: 155 * ms}, inTask, "in the next turn's task: busy since the wait")
	require.Equal(t, Activity{Turn: 2, Busy: true, Since: 155 * ms}, asleep, "in a wait that only looks")
	require.NoError(t, l.Turn(-1))
	require.Equal(t, Activity{Turn: 3, Busy: true, Since: 160 * ms}, inTask, "in the turn behind the look")

	require.NoError(t, l.Close())
	require.Equal(t, Activity{Turn: 3, Since: 260 * ms}, l.Activity(), "after Close")
}

// What a watchdog sees from its own goroutine. The race detector looks on.
func TestActivityCanBeReadByAnyGoroutine(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{})
		r := e.run(l, p)

		stop := make(chan struct{})
		var watching sync.WaitGroup
		for range 2 {
			watching.Go(func() {
				last := Activity{}
				for {
					select {
					case <-stop:
						return
					default:
					}
					a := r.Activity()
					if a.Turn < last.Turn || a.Since < last.Since {
						t.Errorf("read %+v after %+v: time runs backwards", a, last)
						return
					}
					last = a
				}
			})
		}
		for range 1000 {
			r.do(func() {})
		}
		close(stop)
		watching.Wait()

		entered, leave := make(chan struct{}), make(chan struct{})
		require.NoError(t, r.Post(func() { close(entered); <-leave }))
		wait(t, entered, "the function that holds the loop up")
		held := r.Activity()
		require.True(t, held.Busy, "Busy while a function holds the loop up")
		require.LessOrEqual(t, held.Since, r.OS().Now(), "Since, on the loop's clock")
		require.Equal(t, held, r.Activity(), "a second look: the loop has not moved")
		close(leave)
		r.do(func() {})
		require.Greater(t, r.Activity().Turn, held.Turn, "Turn, when a function posted later has run")

		r.cancel()
		wait(t, r.ended, "the end of Run")
		require.False(t, r.Activity().Busy, "Busy once Run has ended")
	})
}

func TestActivityOfALoopThatGoexitEndedIsNotBusy(t *testing.T) {
	l, _ := newFakeLoop(t, Options{})
	ended := make(chan struct{})
	require.NoError(t, l.Post(runtime.Goexit))
	go func() {
		defer close(ended)
		_ = l.Run(context.Background())
	}()
	wait(t, ended, "the end of the loop's goroutine")
	require.False(t, l.Activity().Busy)
}

// What does it cost to look?
func BenchmarkActivity(b *testing.B) {
	l, _ := newFakeLoop(b, Options{})
	for range b.N {
		l.Activity()
	}
}
