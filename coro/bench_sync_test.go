package coro

import (
	"context"
	"fmt"
	"testing"
)

// What does a value cost from one task to another of the same loop? The bar is
// 1.5 of BenchmarkPullNext. Without a buffer each value is a switch; with one, it
// is a switch for as many values as a task may take before it lets others run.
func BenchmarkChan(b *testing.B) {
	for _, capacity := range []int{0, 1, 64} {
		b.Run(fmt.Sprintf("capacity %d", capacity), func(b *testing.B) {
			onLoop(b, func(_ context.Context, s *Scope) {
				c := NewChan[int](capacity)
				_ = s.Go(func(ctx context.Context) error {
					for {
						if _, err := c.Recv(ctx); err != nil {
							return nil
						}
					}
				})
				ctx := s.Context()
				b.ResetTimer()
				for i := range b.N {
					if err := c.Send(ctx, i); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				_ = c.Close(ctx)
			})
		})
	}
}

// For comparison: the same between two goroutines.
func BenchmarkGoChan(b *testing.B) {
	for _, capacity := range []int{0, 1, 64} {
		b.Run(fmt.Sprintf("capacity %d", capacity), func(b *testing.B) {
			c := make(chan int, capacity)
			ended := make(chan struct{})
			go func() {
				for range c {
				}
				close(ended)
			}()
			for i := range b.N {
				c <- i
			}
			close(c)
			<-ended
		})
	}
}

// A Select of two cases that has to wait, made anew each time or kept.
func BenchmarkSelect(b *testing.B) {
	for _, kept := range []bool{false, true} {
		b.Run(fmt.Sprintf("cases kept %v", kept), func(b *testing.B) {
			onLoop(b, func(_ context.Context, s *Scope) {
				var c, other Chan[int]
				_ = s.Go(func(ctx context.Context) error {
					var v int
					cases := []Case{other.RecvCase(&v), c.RecvCase(&v)}
					for {
						if !kept {
							cases[0], cases[1] = other.RecvCase(&v), c.RecvCase(&v)
						}
						if _, err := Select(ctx, cases...); err != nil {
							return nil
						}
					}
				})
				ctx := s.Context()
				b.ResetTimer()
				for i := range b.N {
					if err := c.Send(ctx, i); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				_ = c.Close(ctx)
			})
		})
	}
}

func BenchmarkMutexUncontended(b *testing.B) {
	onLoop(b, func(_ context.Context, s *Scope) {
		var m Mutex
		ctx := s.Context()
		b.ResetTimer()
		for range b.N {
			_ = m.Lock(ctx)
			_ = m.Unlock()
		}
	})
}

func BenchmarkSemaphoreUncontended(b *testing.B) {
	onLoop(b, func(_ context.Context, s *Scope) {
		sem := NewSemaphore(1)
		ctx := s.Context()
		b.ResetTimer()
		for range b.N {
			_ = sem.Acquire(ctx, 1)
			_ = sem.Release(1)
		}
	})
}

// One value to ten subscribers that all wait for it.
func BenchmarkBroadcastToTen(b *testing.B) {
	onLoop(b, func(_ context.Context, s *Scope) {
		c := NewBroadcast[int](64)
		ctx := s.Context()
		for range 10 {
			sub, _ := c.Subscribe(ctx)
			_ = s.Go(func(ctx context.Context) error {
				for {
					if _, err := sub.Recv(ctx); err != nil {
						return nil
					}
				}
			})
		}
		b.ResetTimer()
		for i := range b.N {
			_ = c.Send(ctx, i)
			_ = Yield(ctx)
		}
		b.StopTimer()
		_ = c.Close(ctx)
	})
}

// Values of a goroutine to a task, which is busy: no wake-up for each.
func BenchmarkInbox(b *testing.B) {
	b.ReportAllocs()
	in := NewInbox[int](1024)
	go func() {
		for i := range b.N {
			_ = in.Send(context.Background(), i)
		}
		_ = in.Close()
	}()
	_ = Run(context.Background(), func(ctx context.Context) error {
		for {
			if _, err := in.Recv(ctx); err != nil {
				return nil
			}
		}
	})
}
