package coro

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"
)

// What do a million tasks that sleep at the same time cost? The bar is 3.0 GB at
// the peak. Each sleeps for sleepOfMillion, which is long enough for all of them
// to be made meanwhile; that they were all asleep at once is checked.
//
//	go test -run '^$' -bench MillionSleepers -benchtime 1x ./coro
func BenchmarkMillionSleepers(b *testing.B) {
	const sleepers, sleepOfMillion = 1_000_000, 10 * time.Second
	for range b.N {
		debug.FreeOSMemory()
		resetPeak()
		before := liveMemory()
		var made, finished time.Duration
		var asleepMemory, endMemory memory
		err := Run(context.Background(), func(ctx context.Context) error {
			start := time.Now()
			asleep, most, ended := 0, 0, 0
			var firstEnd time.Time
			err := WithScope(ctx, func(s *Scope) error {
				sleeper := func(ctx context.Context) error {
					asleep++
					most = max(most, asleep)
					err := Sleep(ctx, sleepOfMillion)
					if asleep--; ended == 0 {
						firstEnd = time.Now()
					}
					ended++
					return err
				}
				for i := range sleepers {
					if err := s.Go(sleeper); err != nil {
						return err
					}
					if i%1000 == 0 { // as a server does, which makes them as their clients come
						if err := Yield(ctx); err != nil {
							return err
						}
					}
				}
				for asleep < sleepers && ended == 0 {
					if err := Yield(ctx); err != nil {
						return err
					}
				}
				made = time.Since(start)
				asleepMemory = liveMemory()
				return nil
			})
			finished = time.Since(firstEnd)
			if err == nil && most < sleepers {
				err = fmt.Errorf("%d tasks slept at the same time, want %d: this machine is too slow for %v", most, sleepers, sleepOfMillion)
			}
			debug.FreeOSMemory()
			endMemory = liveMemory()
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(made.Seconds(), "s-to-make")
		b.ReportMetric(finished.Seconds(), "s-to-finish")
		b.ReportMetric(float64(peak())/1e9, "GB-peak")
		b.ReportMetric((asleepMemory.stacks-before.stacks)/sleepers, "stack-B/task")
		b.ReportMetric((asleepMemory.objects-before.objects)/sleepers, "object-B/task")
		b.ReportMetric((asleepMemory.mapped-before.mapped)/sleepers, "mapped-B/task")
		b.ReportMetric(endMemory.mapped/1e9, "GB-left")
	}
}

// What does it cost to cancel a scope with many parked tasks, up to their end?
// That it is linear shows in ns/task, which are the same for both numbers.
func BenchmarkCancelTenThousand(b *testing.B)     { benchmarkCancel(b, 10_000) }
func BenchmarkCancelHundredThousand(b *testing.B) { benchmarkCancel(b, 100_000) }

func benchmarkCancel(b *testing.B, tasks int) {
	config := Config{MaxIdle: tasks} // the coroutines are not what is measured
	var cancelling, ending time.Duration
	err := config.Run(context.Background(), func(ctx context.Context) error {
		for range b.N {
			var cancelled time.Time
			err := WithScope(ctx, func(s *Scope) error {
				for range tasks {
					if err := s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Hour) }); err != nil {
						return err
					}
				}
				for s.scope.tasks.last.state != taskParked { // the last one is the last to begin
					if err := Yield(ctx); err != nil {
						return err
					}
				}
				start := time.Now()
				err := s.Cancel(nil)
				cancelled = time.Now()
				cancelling += cancelled.Sub(start)
				return err
			})
			if err != context.Canceled {
				return fmt.Errorf("a cancelled scope's error: got %w", err)
			}
			ending += time.Since(cancelled)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op") // making the tasks is in it
	b.ReportMetric(float64(cancelling.Nanoseconds())/float64(b.N*tasks), "ns/task-to-cancel")
	b.ReportMetric(float64(ending.Nanoseconds())/float64(b.N*tasks), "ns/task-to-end")
}

// memory is a look at this process's, in bytes.
type memory struct{ objects, stacks, mapped float64 }

// liveMemory is what is in use after a collection: objects, stacks, and all that
// the runtime has from the system.
func liveMemory() memory {
	runtime.GC()
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(s)
	of := func(i int) float64 { return float64(s[i].Value.Uint64()) }
	return memory{of(0), of(1), of(2) - of(3)}
}

// peak is the most memory that this process has had since resetPeak, as Linux
// counts it; 0 on other systems.
func peak() (bytes int64) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			_, _ = fmt.Sscan(rest, &bytes)
		}
	}
	return bytes << 10
}

// resetPeak forgets the peak up to now: see proc(5), clear_refs.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
