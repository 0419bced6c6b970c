package coro

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBroadcastReachesAllThatSubscribed(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		b := NewBroadcast[int](4)
		require.NoError(t, b.Send(ctx, 0), "to nobody")
		var got [3][]int
		for i := range got {
			sub, err := b.Subscribe(ctx)
			require.NoError(t, err)
			require.NoError(t, s.Go(func(ctx context.Context) error {
				for {
					v, err := sub.Recv(ctx)
					if err == ErrChanClosed {
						return sub.Close()
					}
					if err != nil {
						return err
					}
					got[i] = append(got[i], v)
				}
			}))
		}
		settle(t, ctx)
		for v := 1; v <= 3; v++ {
			require.NoError(t, b.Send(ctx, v))
		}
		require.NoError(t, b.Close(ctx))
		require.Equal(t, ErrChanClosed, b.Close(ctx))
		require.Equal(t, ErrChanClosed, b.Send(ctx, 4))
		_, err := b.Subscribe(ctx)
		require.Equal(t, ErrChanClosed, err)
		settle(t, ctx)
		require.Equal(t, [3][]int{{1, 2, 3}, {1, 2, 3}, {1, 2, 3}}, got)
		require.Equal(t, BroadcastStats{Len: 4, Cap: 4, Closed: true, Sent: 4}, b.Stats())
	})
}

func TestSubscriptionThatLagsIsToldOnce(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		b := NewBroadcast[int](3)
		sub, err := b.Subscribe(ctx)
		require.NoError(t, err)
		for v := range 10 {
			require.NoError(t, b.Send(ctx, v))
		}
		require.EqualValues(t, 10, sub.Stats().Behind)
		_, err = sub.Recv(ctx)
		require.Equal(t, &LaggedError{Lost: 7}, err)
		require.EqualError(t, err, "coro: the subscriber lags behind, and has lost 7 values")
		require.NoError(t, b.Close(ctx))
		for want := 7; want < 10; want++ {
			got, err := sub.Recv(ctx)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		_, err = sub.Recv(ctx)
		require.Equal(t, ErrChanClosed, err)
		require.Equal(t, SubscriptionStats{Lost: 7}, sub.Stats())
		require.Equal(t, BroadcastStats{Len: 3, Cap: 3, Closed: true, Subscriptions: 1, Sent: 10, Lost: 7}, b.Stats())
		require.NoError(t, sub.Close())
		require.Equal(t, ErrChanClosed, sub.Close())
	})
}

func TestSubscriptionCloseEndsItsReceivers(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		b := NewBroadcast[int](3)
		var subs [3]*Subscription[int]
		errs := [3]error{errStuck, errStuck, errStuck}
		for i := range subs {
			var err error
			subs[i], err = b.Subscribe(ctx)
			require.NoError(t, err)
			apart(t, ctx, s, func(ctx context.Context) { _, errs[i] = subs[i].Recv(ctx) })
		}
		require.NoError(t, subs[1].Close(), "the one in the middle")
		require.NoError(t, b.Send(ctx, 1))
		settle(t, ctx)
		require.Equal(t, [3]error{nil, ErrChanClosed, nil}, errs)
		require.NoError(t, subs[0].Close())
		require.NoError(t, subs[2].Close())
		require.Zero(t, b.Stats().Subscriptions)
		require.NoError(t, b.Send(ctx, 2))
		_, err := subs[0].Recv(ctx)
		require.Equal(t, ErrChanClosed, err)
	})
}

func TestWatchTellsTheLatest(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		w := NewWatch("first")
		v, seen, err := w.Changed(ctx, 0)
		require.NoError(t, err)
		require.Equal(t, "first", v)
		var got []string
		require.NoError(t, s.Go(func(ctx context.Context) error {
			for {
				v, version, err := w.Changed(ctx, seen)
				if err == ErrChanClosed {
					return nil
				}
				seen, got = version, append(got, v)
			}
		}))
		settle(t, ctx)
		require.NoError(t, w.Set(ctx, "skipped"))
		require.NoError(t, w.Set(ctx, "second"))
		settle(t, ctx)
		require.NoError(t, w.Set(ctx, "second"), "an equal value is a new version")
		require.NoError(t, w.Close(ctx))
		settle(t, ctx)
		require.Equal(t, []string{"second", "second"}, got)
		require.Equal(t, ErrChanClosed, w.Set(ctx, "late"))
		require.Equal(t, ErrChanClosed, w.Close(ctx))
		last, version := w.Get()
		require.Equal(t, "second", last)
		require.EqualValues(t, 4, version)
		require.Equal(t, WatchStats{Version: 4, Closed: true}, w.Stats())
	})
}

func TestWatchTellsTheLatestInACancelledScopeToo(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		w := NewWatch("only")
		for _, d := range []time.Duration{0, time.Millisecond} { // before it waits, and while
			err := Timeout(ctx, d, func(ctx context.Context) error {
				v, version, err := w.Changed(ctx, 1)
				require.Equal(t, "only", v)
				require.EqualValues(t, 1, version)
				return err
			})
			require.ErrorAs(t, err, new(*TimeoutError))
		}
	})
}

func TestWatchWithoutAValueWaitsForOne(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var w Watch[int]
		got := 0
		apart(t, ctx, s, func(ctx context.Context) { got, _, _ = w.Changed(ctx, 0) })
		require.Equal(t, WatchStats{Waiting: 1}, w.Stats())
		require.NoError(t, w.Set(ctx, 7))
		settle(t, ctx)
		require.Equal(t, 7, got)
	})
}
