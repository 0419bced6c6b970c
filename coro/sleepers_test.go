package coro

import (
	"context"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// What a goroutine leaves behind for the life of the process: the runtime uses
// its descriptor again, and never gives it back. 480 bytes in Go 1.26, and its
// place in the list of all, which grows by a quarter at a time.
const leftByAGoroutine = 480 + 2*8

// After a burst of tasks that slept, the loop keeps MaxIdle coroutines and no
// more, of stacks, objects and timers.
func TestSleepersGiveTheirMemoryBack(t *testing.T) {
	for name, wake := range map[string]func(*Scope) error{
		"cancelled": func(s *Scope) error { return s.Cancel(nil) },
		"woken":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			n, d := 100_000, time.Hour
			if raceEnabled {
				n = 10_000
			}
			if wake == nil {
				d = time.Millisecond
			}
			const maxIdle = 1000
			var before, after memory
			goroutines := runtime.NumGoroutine()
			require.NoError(t, Config{MaxIdle: maxIdle, StallLimit: -1}.Run(t.Context(), func(ctx context.Context) error {
				runtime.GC()
				before = liveMemory()
				ended := 0
				err := WithScope(ctx, func(s *Scope) error {
					for range n {
						if err := s.Go(func(ctx context.Context) error { defer func() { ended++ }(); return Sleep(ctx, d) }); err != nil {
							return err
						}
					}
					if wake == nil {
						return nil
					}
					for s.scope.tasks.last.state != taskParked {
						require.NoError(t, Yield(ctx))
					}
					return wake(s)
				})
				if wake != nil {
					require.Equal(t, context.Canceled, err)
				} else {
					require.NoError(t, err)
				}
				require.Equal(t, n, ended, "tasks that ended")
				require.LessOrEqual(t, runtime.NumGoroutine()-goroutines, maxIdle+10, "goroutines")
				runtime.GC() // the stacks of the ended ones
				after = liveMemory()
				return nil
			}))
			if raceEnabled || unsafe.Sizeof(uintptr(0)) != 8 {
				return // the race detector has its own memory, and the figures are those of 64 bits
			}
			t.Logf("%d sleepers leave %.1f MB of objects and %.1f MB of stacks", n, (after.objects-before.objects)/1e6, (after.stacks-before.stacks)/1e6)
			require.LessOrEqual(t, after.stacks-before.stacks, float64(maxIdle*2048+(1<<20)), "bytes of stack, with %d idle coroutines", maxIdle)
			require.LessOrEqual(t, after.objects-before.objects, float64(n*leftByAGoroutine+maxIdle*1024+(1<<20)), "bytes of objects")
		})
	}
}
