package models

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/reactor"
)

// A queued switch: one goes to the end of the run queue, the next one runs. Two are
// in the queue.
//
//	process, thread   sched_yield, two on one CPU
//	goroutine         runtime.Gosched
//	task              coro.Yield
//	callback          a function that posts itself

// errNoSwitch: sched_yield came back to the caller every time.
var errNoSwitch = errors.New("sched_yield does not switch here")

// yieldRounds is the probe's side: what a switch takes of those that happened. It
// ends the other one.
//
// Quirk(linux): sched_yield does not always switch; whoever has had less time than
// its share is chosen again. So the kernel's count of this thread's switches is
// what is divided by, and not the calls. Each goes with one of the other side's.
func yieldRounds(w *words, least time.Duration) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer w.stop.Store(1)
	for w.begin.Load() == 0 {
		yield() // until the other side is there
	}
	switches := int64(0)
	ns, err := perUnit(least, func(n int) (time.Duration, error) {
		before, err := threadSwitches()
		if err != nil {
			return 0, err
		}
		took, _ := timed(func() error {
			for range n {
				yield()
			}
			return nil
		})
		after, err := threadSwitches()
		switches = after - before
		return time.Duration(float64(took) * float64(n) / float64(max(switches, 1)) / 2), err
	})
	if err == nil && switches == 0 {
		err = errNoSwitch
	}
	return ns, err
}

func yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// threadSwitches counts those of the calling thread.
func threadSwitches() (int64, error) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &r); err != nil {
		return 0, os.NewSyscallError("getrusage", err)
	}
	return int64(r.Nvcsw) + int64(r.Nivcsw), nil // 32 bits on some
}

func yieldOther(w *words) {
	w.begin.Store(1)
	for w.stop.Load() == 0 {
		yield()
	}
}

func yieldGoroutines(least time.Duration) (float64, error) {
	var stop atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !stop.Load() {
			runtime.Gosched()
		}
	}()
	ns, err := perUnit(least, func(n int) (time.Duration, error) {
		return timed(func() error {
			for range n {
				runtime.Gosched()
			}
			return nil
		})
	})
	stop.Store(true)
	<-ended
	return ns / 2, err
}

func yieldTasks(least time.Duration) (ns float64, err error) {
	err = coro.Run(context.Background(), func(ctx context.Context) error {
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			err := s.Daemon(func(ctx context.Context) error {
				for coro.Yield(ctx) == nil {
				}
				return nil
			})
			if err != nil {
				return err
			}
			ns, err = perUnit(least, func(n int) (time.Duration, error) {
				return timed(func() error {
					for range n {
						if err := coro.Yield(ctx); err != nil {
							return err
						}
					}
					return nil
				})
			})
			return err
		})
	})
	return ns / 2, err
}

func postCallbacks(least time.Duration) (float64, error) {
	return perUnit(least, func(n int) (time.Duration, error) {
		return onLoop(func(l *reactor.Loop, ended func()) error {
			var next func()
			next = func() {
				if n--; n > 0 {
					_ = l.Post(next)
					return
				}
				ended()
			}
			return errors.Join(l.Post(next), l.Post(next))
		})
	})
}
