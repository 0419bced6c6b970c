package coro

import (
	"context"
	"io"
	"iter"
	"runtime"
	"testing"
	"time"
)

// onLoop measures on a task, under a watchdog that looks on and says nothing.
func onLoop(b *testing.B, body func(ctx context.Context, s *Scope)) {
	b.Helper()
	b.ReportAllocs()
	err := Config{StallLimit: time.Hour}.Run(context.Background(), func(ctx context.Context) error {
		return WithScope(ctx, func(s *Scope) error { body(ctx, s); return nil })
	})
	if err != nil {
		b.Fatal(err)
	}
}

// What does it cost to resume a task that parks again at once? The bar is 1.3 of
// BenchmarkPullNext.
func BenchmarkTaskSwitch(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
		t := newTask()
		t.scope = &s.scope
		ended := false
		t.fn = func(context.Context) error {
			for !ended {
				t.state = taskParked
				t.yield(struct{}{})
			}
			return nil
		}
		self, _ := currentTaskOf(ctx)
		_ = s.scope.loop.reactor.Post(func() { // coroutines are resumed by the loop
			b.ResetTimer()
			for range b.N {
				t.Run()
			}
			b.StopTimer()
			ended = true
			t.next()
			t.scope = nil
			t.next() // the end of the coroutine
		})
		self.pass()
	})
}

// The same through the queue of what is ready: two tasks yield to each other.
func BenchmarkYield(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
		half := b.N / 2
		_ = s.Go(func(ctx context.Context) error {
			for range half {
				_ = Yield(ctx)
			}
			return nil
		})
		b.ResetTimer()
		for range b.N - half {
			_ = Yield(ctx)
		}
	})
}

// And for a hundred tasks: the turns of the loop between the batches weigh less,
// the caches more.
func BenchmarkYieldOfHundred(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
		b.ResetTimer()
		for range 100 {
			_ = s.Go(func(ctx context.Context) error {
				for range b.N / 100 {
					_ = Yield(ctx)
				}
				return nil
			})
		}
	})
}

// The floor of a task switch: a resume and a park of the bare coroutine.
func BenchmarkPullNext(b *testing.B) {
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		for yield(struct{}{}) {
		}
	})
	defer stop()
	for b.Loop() {
		next()
	}
}

// What does an empty task cost, from Go to its end, with a coroutine from the
// pool? The bar is 300 ns and one allocation.
func BenchmarkSpawn(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
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

// What does it cost to begin a sleep and to be cancelled in it, scope included?
func BenchmarkSleepCancelled(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
		b.ResetTimer()
		for range b.N {
			_ = WithScope(ctx, func(s *Scope) error {
				_ = s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Hour) })
				_ = Yield(ctx)
				return s.Cancel(nil)
			})
		}
	})
}

// An empty scope: what WithScope itself costs.
func BenchmarkWithScope(b *testing.B) {
	onLoop(b, func(ctx context.Context, _ *Scope) {
		b.ResetTimer()
		for range b.N {
			_ = WithScope(ctx, func(*Scope) error { return nil })
		}
	})
}

// 64 bytes there and back between two tasks of one loop over loopback: two
// writes, two reads, four switches.
func BenchmarkPingPong(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
		ln, err := Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer ln.Close()
		client, err := Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		server, err := ln.AcceptConn()
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Go(func(context.Context) error { _, err := io.Copy(server, server); return err })
		message := make([]byte, 64)
		b.ResetTimer()
		for range b.N {
			if _, err := client.Write(message); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(client, message); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSetReadDeadline(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
		ln, err := Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer ln.Close()
		c, err := Dial(ctx, "tcp", ln.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		at := time.Now().Add(time.Hour)
		b.ResetTimer()
		for range b.N {
			at = at.Add(time.Millisecond)
			_ = c.SetReadDeadline(at)
		}
	})
}

// Who is calling? With assembly, and as the architectures without it ask.
func BenchmarkCurrentG(b *testing.B) {
	for name, identity := range identities {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				identity()
			}
		})
	}
}

// What does a Timeout around a block that does not wait cost? The bar is 150 ns and
// one allocation.
func BenchmarkTimeout(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
		b.ResetTimer()
		for range b.N {
			_ = Timeout(ctx, time.Hour, nothing)
		}
	})
}

// And a Shield around it, which needs no clock and no timer?
func BenchmarkShield(b *testing.B) {
	onLoop(b, func(ctx context.Context, s *Scope) {
		b.ResetTimer()
		for range b.N {
			_ = Shield(ctx, nothing)
		}
	})
}

// What does it cost to call a function off the loop that does nothing?
func BenchmarkBlocking(b *testing.B) {
	onLoop(b, func(ctx context.Context, _ *Scope) {
		for range b.N {
			if _, err := Blocking(ctx, func() (int, error) { return 1, nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// And from 100 tasks at once, of which 64 are let in?
func BenchmarkBlockingOfManyTasks(b *testing.B) {
	onLoop(b, func(_ context.Context, s *Scope) {
		for i := range 100 {
			_ = s.Go(func(ctx context.Context) error {
				for n := i; n < b.N; n += 100 {
					if _, err := Blocking(ctx, func() (int, error) { return 1, nil }); err != nil {
						return err
					}
				}
				return nil
			})
		}
	})
}
