package coro

import (
	"context"
	"errors"
	"testing"
	"time"
)

// onLoopWith is onLoop with a configuration.
func onLoopWith(b *testing.B, c Config, body func(ctx context.Context, s *Scope)) {
	b.Helper()
	b.ReportAllocs()
	c.StallLimit = time.Hour
	err := c.Run(context.Background(), func(ctx context.Context) error {
		return WithScope(ctx, func(s *Scope) error { body(ctx, s); return nil })
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		b.Fatal(err)
	}
}

// What does Config.Measure add to BenchmarkYield?
func BenchmarkYieldMeasured(b *testing.B) {
	onLoopWith(b, Config{Measure: true}, func(ctx context.Context, s *Scope) {
		b.ResetTimer()
		for range b.N {
			_ = Yield(ctx)
		}
	})
}

// What do Config.ProfileLabels add to BenchmarkSpawn?
func BenchmarkSpawnLabelled(b *testing.B) {
	onLoopWith(b, Config{ProfileLabels: true}, func(ctx context.Context, s *Scope) {
		const batch = 100
		b.ResetTimer()
		for i := 0; i < b.N; i += batch {
			for range batch {
				_ = s.Go(nothing)
			}
			_ = Yield(ctx)
		}
	})
}

// For how long does a look at 10 000 tasks hold up the loop, how long does it
// take to make words of it, and how long a page?
func BenchmarkLookAtTenThousandTasks(b *testing.B) {
	onLoopWith(b, Config{}, func(ctx context.Context, s *Scope) {
		for range 10_000 {
			_ = s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Hour) })
		}
		_ = Sleep(ctx, time.Millisecond)
		b.Run("snapshot", func(b *testing.B) {
			for b.Loop() {
				_ = s.scope.loop.snapshot()
			}
		})
		b.Run("words", func(b *testing.B) {
			snap, sites := s.scope.loop.snapshot(), siteWords{}
			for b.Loop() {
				for i := range snap.tasks {
					_ = s.scope.loop.info(&snap.tasks[i], sites)
				}
			}
		})
		b.Run("tree", func(b *testing.B) {
			snap := s.scope.loop.snapshot()
			for b.Loop() {
				_ = snap.tree()
			}
		})
		_ = s.Cancel(nil)
	})
}

// For how long is the process stopped when the watchdog looks for a stack among as
// many goroutines as it ever does?
func BenchmarkStackAmongThousandTasks(b *testing.B) {
	onLoopWith(b, Config{}, func(ctx context.Context, s *Scope) {
		for range maxTraced - 50 {
			_ = s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Hour) })
		}
		_ = Sleep(ctx, time.Millisecond)
		l := s.scope.loop
		b.ResetTimer()
		for range b.N {
			if stack, note := l.stackNow(l.glimpse()); stack == "" {
				b.Fatal(note)
			}
		}
		b.StopTimer()
		_ = s.Cancel(nil)
	})
}
