package coro

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shortLimit is the limit of tests that wait for a report.
const shortLimit = 20 * time.Millisecond

func TestWatchdogFindsWhatATaskDoesToItsLoop(t *testing.T) {
	var mu sync.Mutex
	var stop atomic.Bool
	channel := make(chan int)
	for _, c := range []struct {
		does    string
		stack   string // a frame, or the goroutine's state
		hold    func(ctx context.Context, s *Scope)
		release func()
	}{
		{"waits for a mutex that another task has", "sync.(*Mutex).Lock",
			func(ctx context.Context, s *Scope) {
				_ = s.Go(func(ctx context.Context) error { mu.Lock(); return Sleep(ctx, time.Hour) })
				_ = Yield(ctx)
				mu.Lock()
				_ = s.Cancel(nil)
			},
			func() { mu.Unlock() }},
		{"receives from a channel", "[chan receive",
			func(context.Context, *Scope) { <-channel },
			func() { channel <- 1 }},
		{"sleeps", "time.Sleep",
			func(context.Context, *Scope) {
				for !stop.Load() {
					time.Sleep(2 * shortLimit)
				}
			},
			func() { stop.Store(true) }},
		{"computes", "computeUntil",
			func(context.Context, *Scope) { computeUntil(&stop) },
			func() { stop.Store(true) }},
	} {
		t.Run(c.does, func(t *testing.T) {
			e := &env{t: t, network: "tcp", log: new(records)}
			stop.Store(false)
			var found *Stall
			config := e.config()
			config.Name, config.StallLimit = "front", shortLimit
			config.OnStall = func(s Stall) {
				if found == nil && strings.Contains(s.Stack, c.stack) {
					found = &s
					c.release()
				}
			}
			require.NoError(t, e.runWith(config, func(ctx context.Context) error {
				return WithScope(ctx, func(s *Scope) error {
					return s.Go(func(ctx context.Context) error {
						require.NoError(t, SetName(ctx, "culprit"))
						_ = WithScope(ctx, func(s *Scope) error { c.hold(ctx, s); return nil })
						return nil
					})
				})
			}))
			require.NotNil(t, found)
			require.Equal(t, "front", found.LoopName)
			require.EqualValues(t, 2, found.Task)
			require.Equal(t, "culprit", found.Name)
			require.Contains(t, found.Spawned, "TestWatchdogFindsWhatATaskDoesToItsLoop", "where it was spawned")
			require.GreaterOrEqual(t, found.For-found.Unseen, shortLimit)
			require.Empty(t, found.Note)
			line := e.log.find("WARN coro: a task holds up its loop")
			require.Contains(t, line, `name=culprit`)
			require.Contains(t, line, "stack=goroutine")
		})
	}
}

//go:noinline
func computeUntil(stop *atomic.Bool) {
	for !stop.Load() {
	}
}

func TestWatchdogFindsACallbackOfTheLoop(t *testing.T) {
	e := &env{t: t, network: "tcp", log: new(records)}
	release := make(chan struct{})
	var found *Stall
	config := e.config()
	config.StallLimit = shortLimit
	config.OnStall = func(s Stall) {
		if found == nil && strings.Contains(s.Stack, "chan receive") {
			found = &s
			close(release)
		}
	}
	require.NoError(t, e.runWith(config, func(ctx context.Context) error {
		tk, _ := currentTaskOf(ctx)
		require.NoError(t, tk.loop().reactor.Post(func() { <-release }))
		return Sleep(ctx, time.Millisecond)
	}))
	require.NotNil(t, found)
	require.Zero(t, found.Task)
	require.Contains(t, found.Stack, "turnUntil")
	require.NotEmpty(t, e.log.find("WARN coro: a callback holds up its loop"))
}

// The time between two reports of one turn doubles, so that a turn without an end
// does not fill the log.
func TestWatchdogReportsAgainAfterTwiceTheTime(t *testing.T) {
	e := &env{t: t, network: "tcp", log: new(records)}
	release := make(chan struct{})
	var reports []Stall
	config := e.config()
	config.StallLimit = shortLimit
	config.OnStall = func(s Stall) {
		if s.Task == 0 {
			return // the machine is slow
		}
		if reports = append(reports, s); len(reports) == 3 {
			close(release)
		}
	}
	require.NoError(t, e.runWith(config, func(ctx context.Context) error { <-release; return nil }))
	require.GreaterOrEqual(t, len(reports), 3)
	for i, s := range reports[:3] {
		require.Equal(t, i+1, s.Report)
		require.Equal(t, reports[0].Turn, s.Turn)
		require.EqualValues(t, 1, s.Task)
		require.LessOrEqual(t, s.TaskFor, s.For)
		if i > 0 {
			before := reports[i-1]
			require.GreaterOrEqual(t, s.For-s.Unseen, 2*(before.For-before.Unseen))
		}
	}
}

func TestWatchdogCanBeSwitchedOff(t *testing.T) {
	e := &env{t: t, network: "tcp", log: new(records)}
	config := e.config()
	config.StallLimit = -1
	require.NoError(t, e.runWith(config, func(ctx context.Context) error {
		require.Nil(t, kennel.dog)
		return nil
	}))
}

func TestWatchdogSleepsWhileNoLoopTurnsAndIsRousedByTheNextTurn(t *testing.T) {
	e := &env{t: t, network: "tcp", log: new(records)}
	config := e.config()
	config.StallLimit = 4 * shortestLook
	stalled := make(chan struct{}, 1)
	config.OnStall = func(s Stall) {
		if s.Task != 0 {
			select {
			case stalled <- struct{}{}:
			default: // there is one that nobody has taken yet
			}
		}
	}
	loopOf := make(chan *loop, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- config.Run(ctx, func(ctx context.Context) error {
			tk, _ := currentTaskOf(ctx)
			loopOf <- tk.loop()
			return Sleep(ctx, time.Hour)
		})
	}()
	l := wait(t, loopOf, "the loop")
	for range 3 {
		for !l.watch.dog.asleep.Load() {
			runtime.Gosched()
		}
		select {
		case <-stalled: // of the last round, or of a slow machine
		default:
		}
		hold := make(chan struct{})
		go func() {
			_ = l.asTask(func(*task) error { <-hold; return nil }) // wakes the loop
		}()
		wait(t, stalled, "a report of a loop that woke up the watchdog")
		close(hold)
	}
	cancel()
	require.ErrorIs(t, wait(t, ended, "the end"), context.Canceled)
	require.Nil(t, kennel.dog, "no loop, no watchdog")
}

// A process that was stopped, or a machine without a processor to spare, is not
// the loop's fault.
func TestWatchdogCountsOnlyTimeInWhichItLooks(t *testing.T) {
	e := &env{t: t, network: "tcp", log: new(records)}
	e.try(func(ctx context.Context) {
		tk, _ := currentTaskOf(ctx) // the loop is busy with this very task
		w := &watch{loop: tk.loop(), limit: 100 * time.Millisecond, dog: tk.loop().watch.dog}
		d := &watchdog{watched: map[*watch]struct{}{w: {}}}
		now := time.Now()
		step := func(d2 time.Duration) (due []*watch, busy bool) {
			now = now.Add(d2)
			pause := time.Hour
			due = d.due(now, d2, &pause, &busy)
			require.Equal(t, 25*time.Millisecond, pause)
			return due, busy
		}
		look := 25 * time.Millisecond
		due, busy := step(look)
		require.Empty(t, due)
		require.True(t, busy)
		due, _ = step(10 * time.Hour)
		require.Empty(t, due, "stopped for ten hours: seen for two looks")
		due, _ = step(look)
		require.Empty(t, due)
		due, _ = step(look)
		require.Equal(t, []*watch{w}, due)
		var got Stall
		w.onStall = func(s Stall) { got = s }
		w.report(now)
		require.Equal(t, 10*time.Hour+2*look, got.For)
		require.Equal(t, 10*time.Hour-2*look, got.Unseen)
		require.EqualValues(t, 1, got.Task)
		require.Contains(t, e.log.find("WARN coro: a task holds up"), "unseen=9h59m59.95s")
	})
}

func TestWatchdogLeavesTheStackOutAmongManyGoroutines(t *testing.T) {
	e := &env{t: t, network: "tcp", log: new(records)}
	e.try(func(ctx context.Context) {
		tk, _ := currentTaskOf(ctx)
		stack, note := tk.loop().stackNow(tk.loop().glimpse())
		for tries := 0; note != "" && tries < 1000; tries++ { // dead goroutines of other tests, being collected
			require.NoError(t, Sleep(ctx, time.Millisecond))
			stack, note = tk.loop().stackNow(tk.loop().glimpse())
		}
		require.Empty(t, note)
		require.Contains(t, stack, "TestWatchdogLeavesTheStackOut")
		require.ErrorIs(t, WithScope(ctx, func(s *Scope) error {
			for range maxTraced {
				require.NoError(t, s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Hour) }))
			}
			require.NoError(t, Yield(ctx))
			stack, note = tk.loop().stackNow(tk.loop().glimpse())
			return s.Cancel(nil)
		}), context.Canceled)
		require.Empty(t, stack)
		require.Contains(t, note, fmt.Sprint(maxTraced))
	})
}

func TestWatchdogOutlivesAPanicInOnStall(t *testing.T) {
	e := &env{t: t, network: "tcp", log: new(records)}
	release := make(chan struct{})
	var once sync.Once
	config := e.config()
	config.StallLimit = shortLimit
	config.OnStall = func(Stall) {
		once.Do(func() { close(release) })
		panic("in the handler")
	}
	require.NoError(t, e.runWith(config, func(ctx context.Context) error { <-release; return nil }))
	require.Contains(t, e.log.find("ERROR coro: panic in Config.OnStall"), "in the handler")
}

// OnStall may look around: it asks all loops, of which one stands still.
func TestWatchdogReportMayAskTheLoops(t *testing.T) {
	e := &env{t: t, network: "tcp", log: new(records)}
	release := make(chan struct{})
	var once sync.Once
	var text strings.Builder
	config := e.config()
	config.Name, config.StallLimit = "front", shortLimit
	config.OnStall = func(s Stall) {
		if s.Task != 0 {
			once.Do(func() {
				require.NoError(t, Dump(&text))
				close(release)
			})
		}
	}
	require.NoError(t, e.runWith(config, func(ctx context.Context) error {
		_ = SetName(ctx, "culprit")
		<-release
		return nil
	}))
	require.Regexp(t, `(?m)^loop \d+ "front": has not answered for 1s; turn \d+ has taken .* so far\n  task 1 "culprit" running  coro`, text.String())
}
