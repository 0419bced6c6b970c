package coro

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// untilOutside gives way to other goroutines until a condition holds: for what can be
// observed and not be waited for.
func untilOutside(t *testing.T, holds func() bool) {
	t.Helper()
	for !holds() {
		if t.Context().Err() != nil {
			t.FailNow()
		}
		runtime.Gosched()
	}
}

func TestInboxKeepsTheOrderOfEachGoroutine(t *testing.T) {
	const producers, each = 8, 2000
	for _, capacity := range []int{1, 16, 4096} {
		t.Run(fmt.Sprintf("with capacity %d", capacity), func(t *testing.T) {
			in := NewInbox[[2]int](capacity)
			var all sync.WaitGroup
			for p := range producers {
				all.Go(func() {
					for i := range each {
						require.NoError(t, in.Send(t.Context(), [2]int{p, i}))
					}
				})
			}
			go func() {
				all.Wait()
				_ = in.Close()
			}()
			var got [producers]int
			on(t, func(ctx context.Context, s *Scope) {
				for range 2 {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						var next [producers]int // one receiver sees each producer's in order
						for {
							v, err := in.Recv(ctx)
							if err == ErrChanClosed {
								return nil
							}
							if err != nil {
								return err
							}
							require.LessOrEqual(t, next[v[0]], v[1], "the next value of producer %d", v[0])
							next[v[0]] = v[1] + 1
							got[v[0]]++
						}
					}))
				}
			})
			for p, n := range got {
				require.Equal(t, each, n, "values of producer %d", p)
			}
			stats := in.Stats()
			require.EqualValues(t, producers*each, stats.Received)
			require.LessOrEqual(t, stats.Posts, stats.Sent)
		})
	}
}

// The loop is asleep for good: nothing else would wake it.
func TestInboxWakesASleepingLoop(t *testing.T) {
	for _, backend := range []poller.Backend{poller.BackendDefault, poller.BackendPoll} {
		t.Run(backend.String(), func(t *testing.T) {
			in := NewInbox[int](1)
			got := make(chan int)
			go func() {
				for v := range 100 {
					untilOutside(t, func() bool { return in.Stats().ReceiversWaiting == 1 })
					require.NoError(t, in.TrySend(v))
					require.Equal(t, v, <-got)
				}
				require.NoError(t, in.Close())
			}()
			c := Config{Reactor: reactor.Options{Poller: poller.Config{Backend: backend}}}
			require.NoError(t, c.Run(t.Context(), func(ctx context.Context) error {
				for {
					v, err := in.Recv(ctx)
					if err != nil {
						require.Equal(t, ErrChanClosed, err)
						return nil
					}
					got <- v // the test's goroutine takes it at once
				}
			}))
			require.EqualValues(t, 100, in.Stats().Posts)
		})
	}
}

func TestInboxPostsOncePerBurst(t *testing.T) {
	const burst = 1000
	in := NewInbox[int](burst)
	on(t, func(ctx context.Context, s *Scope) {
		got := 0
		require.NoError(t, s.Go(func(ctx context.Context) error {
			for ; got < burst; got++ {
				if _, err := in.Recv(ctx); err != nil {
					return err
				}
			}
			return nil
		}))
		settle(t, ctx)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for i := range burst {
				require.NoError(t, in.TrySend(i))
			}
		}()
		<-sent // the loop is busy with this task
		require.EqualValues(t, 1, in.Stats().Posts, "posts for a burst")
	})
	require.Equal(t, InboxStats{Cap: burst, Sent: burst, Received: burst, Posts: 1}, in.Stats())
}

func TestInboxIsBounded(t *testing.T) {
	in := NewInbox[int](2)
	require.NoError(t, in.TrySend(1))
	require.NoError(t, in.TrySend(2))
	err := in.TrySend(3)
	require.ErrorIs(t, err, ErrInboxFull)
	require.EqualError(t, err, "coro: the inbox is full: it holds 2 values")

	t.Run("Send waits for room until its context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		sent := make(chan error)
		go func() { sent <- in.Send(ctx, 3) }()
		untilOutside(t, func() bool { return in.Stats().SendersWaiting == 1 })
		cancel(errTest)
		require.Equal(t, errTest, <-sent)
		require.Equal(t, errTest, in.Send(ctx, 3), "under a context that has ended")
		require.Zero(t, in.Stats().SendersWaiting)
	})
	t.Run("Send in a task does not wait", func(t *testing.T) {
		on(t, func(ctx context.Context, _ *Scope) {
			err := in.Send(ctx, 3)
			require.ErrorIs(t, err, ErrWouldBlock)
			require.ErrorIs(t, err, ErrInboxFull)
		})
	})
	t.Run("senders are served first come, first served", func(t *testing.T) {
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() { require.NoError(t, in.Send(t.Context(), 3+i)) })
			untilOutside(t, func() bool { return in.Stats().SendersWaiting == 1+i })
		}
		on(t, func(ctx context.Context, _ *Scope) {
			for want := 1; want <= 7; want++ {
				got, err := in.Recv(ctx)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		})
		all.Wait()
	})
	require.EqualValues(t, 2, in.Stats().Refused)
}

// Senders wait from before the loop is known, and from after.
func TestInboxEndsWithItsLoop(t *testing.T) {
	in := NewInbox[int](1)
	errs := make(chan error)
	send := func() { errs <- in.Send(t.Context(), 1) }
	require.NoError(t, in.TrySend(0))
	go send()
	go send()
	untilOutside(t, func() bool { return in.Stats().SendersWaiting == 2 })
	on(t, func(ctx context.Context, _ *Scope) {
		_, err := in.Recv(ctx)
		require.NoError(t, err)
		require.NoError(t, <-errs, "one of them has room now")
		go send()
		untilOutside(t, func() bool { return in.Stats().SendersWaiting == 2 })
	})
	require.Equal(t, reactor.ErrLoopClosed, wait(t, errs, "a sender"))
	require.Equal(t, reactor.ErrLoopClosed, wait(t, errs, "a sender"))
	require.Equal(t, reactor.ErrLoopClosed, in.TrySend(1))
	require.Equal(t, reactor.ErrLoopClosed, in.Send(t.Context(), 1))
	require.Zero(t, in.Stats().SendersWaiting)
}

func TestInboxClose(t *testing.T) {
	in := NewInbox[int](1)
	require.NoError(t, in.TrySend(7))
	sent := make(chan error)
	go func() { sent <- in.Send(t.Context(), 8) }()
	untilOutside(t, func() bool { return in.Stats().SendersWaiting == 1 })
	require.NoError(t, in.Close())
	require.Equal(t, ErrChanClosed, <-sent)
	require.Equal(t, ErrChanClosed, in.TrySend(8))
	require.Equal(t, ErrChanClosed, in.Close())
	on(t, func(ctx context.Context, _ *Scope) {
		v, err := in.Recv(ctx)
		require.NoError(t, err)
		require.Equal(t, 7, v, "what was there")
		_, err = in.Recv(ctx)
		require.Equal(t, ErrChanClosed, err)
	})
	t.Run("by a task ends the waits", func(t *testing.T) {
		on(t, func(ctx context.Context, s *Scope) {
			in := NewInbox[int](1)
			err := errStuck
			apart(t, ctx, s, func(ctx context.Context) { _, err = in.Recv(ctx) })
			require.NoError(t, in.Close())
			settle(t, ctx)
			require.Equal(t, ErrChanClosed, err)
		})
	})
	t.Run("by a goroutine ends the waits", func(t *testing.T) {
		on(t, func(ctx context.Context, s *Scope) {
			in := NewInbox[int](1)
			go func() {
				untilOutside(t, func() bool { return in.Stats().ReceiversWaiting == 1 })
				_ = in.Close()
			}()
			_, err := in.Recv(ctx)
			require.Equal(t, ErrChanClosed, err)
		})
	})
}

// A loop that is flooded takes no more functions: then the value is not taken
// either, and nothing is stuck afterwards.
func TestInboxOfAFloodedLoop(t *testing.T) {
	c := Config{Reactor: reactor.Options{Limits: reactor.Limits{MaxPosted: 1}}}
	require.NoError(t, c.Run(t.Context(), func(ctx context.Context) error {
		return WithScope(ctx, func(s *Scope) error {
			in := NewInbox[int](4)
			var got int
			apart(t, ctx, s, func(ctx context.Context) { got, _ = in.Recv(ctx) })
			require.NoError(t, s.scope.loop.reactor.Post(func() {}))
			sent := make(chan error)
			go func() { sent <- in.TrySend(1) }()
			require.ErrorIs(t, <-sent, reactor.ErrPostQueueFull)
			require.Zero(t, in.Stats().Sent)
			for err := error(reactor.ErrPostQueueFull); err != nil; err = <-sent {
				require.ErrorIs(t, err, reactor.ErrPostQueueFull)
				require.NoError(t, Sleep(ctx, 1)) // until the flood has run off
				go func() { sent <- in.TrySend(2) }()
			}
			for got == 0 {
				require.NoError(t, Sleep(ctx, 1))
			}
			require.Equal(t, 2, got)
			return nil
		})
	}))
}

// Receivers are cancelled while goroutines send: nothing is lost, nothing comes
// twice, and nobody hangs.
func TestInboxLosesNothingToCancelledReceivers(t *testing.T) {
	const values = 5000
	in := NewInbox[int](8)
	go func() {
		for i := range values {
			if in.Send(t.Context(), i) != nil {
				return
			}
		}
	}()
	on(t, func(ctx context.Context, s *Scope) {
		next := 0
		for round := 1; next < values; round++ {
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				if err := s.Go(func(ctx context.Context) error {
					for next < values {
						v, err := in.Recv(ctx)
						if err != nil {
							return nil
						}
						require.Equal(t, next, v)
						next++
					}
					return nil
				}); err != nil {
					return err
				}
				for range round % 7 {
					if err := Yield(ctx); err != nil {
						return err
					}
				}
				return s.Cancel(errTest)
			}))
			require.NoError(t, Yield(ctx))
			runtime.Gosched() // the loop never sleeps here, and there may be one processor
		}
	})
	require.EqualValues(t, values, in.Stats().Received)
}
