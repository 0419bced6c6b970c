package coro

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSelectTakesTheFirstThatIsReady(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		a, b := NewChan[int](1), NewChan[string](1)
		require.NoError(t, a.Send(ctx, 1))
		require.NoError(t, b.Send(ctx, "one"))
		var i int
		var text string
		for _, want := range []int{0, 1} { // the order of the arguments
			chosen, err := Select(ctx, a.RecvCase(&i), b.RecvCase(&text), After(0))
			require.NoError(t, err)
			require.Equal(t, want, chosen)
		}
		require.Equal(t, 1, i)
		require.Equal(t, "one", text)
		chosen, err := Select(ctx, a.RecvCase(&i), b.SendCase("two"), After(0))
		require.NoError(t, err)
		require.Equal(t, 1, chosen, "a send for which there is room")
		require.Equal(t, 1, b.Len())
	})
}

// Two values come in one turn: the second one stays where it is.
func TestSelectLeavesTheOthersAsTheyWere(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		a, b := NewChan[int](1), NewChan[int](1)
		var event Event
		var v, chosen int
		var err error
		apart(t, ctx, s, func(ctx context.Context) {
			chosen, err = Select(ctx, a.RecvCase(&v), b.RecvCase(&v), event.WaitCase(), After(time.Hour))
		})
		require.Equal(t, 1, a.Stats().ReceiversWaiting)
		for i, c := range []*Chan[int]{b, a} {
			ok, err := c.TrySend(ctx, 10+i)
			require.NoError(t, err)
			require.True(t, ok)
		}
		settle(t, ctx)
		require.NoError(t, err)
		require.Equal(t, 1, chosen, "the case that became ready first")
		require.Equal(t, 10, v)
		require.Equal(t, ChanStats{Cap: 1, Sent: 1, Received: 1}, b.Stats())
		require.Equal(t, ChanStats{Cap: 1, Sent: 1, Len: 1}, a.Stats())
		require.Zero(t, event.Stats().Waiting)
	})
}

func TestSelectIsNotItsOwnPartner(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var c Chan[int]
		var v int
		chosen, err := TrySelect(ctx, c.SendCase(1), c.RecvCase(&v))
		require.NoError(t, err)
		require.Equal(t, -1, chosen)

		var first, second [2]int
		swap := func(got *[2]int, mine int) func(ctx context.Context) error {
			return func(ctx context.Context) (err error) {
				got[0], err = Select(ctx, c.SendCase(mine), c.RecvCase(&got[1]))
				return err
			}
		}
		require.NoError(t, s.Go(swap(&first, 1)))
		settle(t, ctx)
		require.Equal(t, ChanStats{SendersWaiting: 1, ReceiversWaiting: 1}, c.Stats())
		require.NoError(t, s.Go(swap(&second, 2)))
		settle(t, ctx)
		require.Equal(t, [2]int{1, 2}, first, "the one that waited receives")
		require.Equal(t, [2]int{0, 0}, second, "the one that came sends")
		require.Equal(t, ChanStats{Sent: 1, Received: 1}, c.Stats())
	})
}

func TestSelectErrors(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		_, err := Select(ctx)
		require.Equal(t, ErrNoCases, err)
		chosen, err := TrySelect(ctx)
		require.NoError(t, err)
		require.Equal(t, -1, chosen)

		var closed Chan[int]
		require.NoError(t, closed.Close(ctx))
		v := 7
		for _, c := range []Case{closed.RecvCase(&v), closed.SendCase(1)} {
			chosen, err := Select(ctx, Case{}, c)
			require.Equal(t, ErrChanClosed, err)
			require.Equal(t, 1, chosen, "the case whose error it is")
		}

		var open Chan[int]
		apart(t, ctx, s, func(ctx context.Context) {
			chosen, err = Select(ctx, Case{}, open.RecvCase(&v))
		})
		require.NoError(t, open.Close(ctx))
		settle(t, ctx)
		require.Equal(t, ErrChanClosed, err, "closed while the task waited")
		require.Equal(t, 1, chosen)
		require.Zero(t, v, "what is received from a closed Chan")

		own := apart(t, ctx, s, func(ctx context.Context) {
			chosen, err = Select(ctx, (*Chan[int])(nil).RecvCase(&v), (*Chan[int])(nil).SendCase(1))
		})
		require.NoError(t, own.Cancel(errTest))
		settle(t, ctx)
		require.Equal(t, errTest, err, "cancelled, where no case is ever ready")
		require.Equal(t, -1, chosen)
		_, err = Select(context.Background(), open.RecvCase(&v))
		require.Equal(t, ErrNoLoop, err)
	})
}

func TestSelectNamesTheCaseOfAnotherLoop(t *testing.T) {
	var theirs Chan[int]
	on(t, func(ctx context.Context, s *Scope) { _, _ = theirs.TrySend(ctx, 1) })
	on(t, func(ctx context.Context, s *Scope) {
		ours := NewChan[int](1)
		for _, call := range []func(context.Context, ...Case) (int, error){Select, TrySelect} {
			chosen, err := call(ctx, ours.SendCase(1), theirs.SendCase(1))
			require.Equal(t, -1, chosen)
			require.ErrorIs(t, err, ErrWrongLoop)
			require.ErrorContains(t, err, "case 1")
			require.Zero(t, ours.Len(), "sent, though another case is an error")
		}
	})
}

func TestSelectAfter(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var never Chan[int]
		var v int
		begin := time.Now()
		chosen, err := Select(ctx, After(time.Hour), never.RecvCase(&v), After(2*time.Millisecond), After(2*time.Millisecond), Case{})
		require.NoError(t, err)
		require.Equal(t, 2, chosen, "the shortest, and of those the first")
		require.GreaterOrEqual(t, time.Since(begin), 2*time.Millisecond, "never early")
		require.Equal(t, ChanStats{}, never.Stats())

		// The timer of a case that lost wakes nothing later.
		require.NoError(t, s.Go(func(ctx context.Context) error { return never.Send(ctx, 1) }))
		chosen, err = Select(ctx, After(time.Millisecond), never.RecvCase(&v))
		require.NoError(t, err)
		require.Equal(t, 1, chosen)
		timed, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
		defer cancel()
		_, err = never.Recv(timed)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestSelectOfManyCasesThatAreUsedAgain(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var chans [2 * fewCases]Chan[int]
		var cases []Case
		var v int
		for i := range chans {
			cases = append(cases, chans[i].RecvCase(&v))
		}
		require.NoError(t, s.Go(func(ctx context.Context) error {
			for i := range chans {
				if err := chans[len(chans)-1-i].Send(ctx, i); err != nil {
					return err
				}
			}
			return nil
		}))
		for i := range chans {
			chosen, err := Select(ctx, cases...)
			require.NoError(t, err)
			require.Equal(t, len(chans)-1-i, chosen)
			require.Equal(t, i, v)
		}
	})
}

func TestSelectOfEveryKind(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var event Event
		var text, news, letter string
		var seen uint64
		c, w, b, in := NewChan[string](1), new(Watch[string]), NewBroadcast[string](1), NewInbox[string](1)
		sub, err := b.Subscribe(ctx)
		require.NoError(t, err)
		cases := []Case{c.RecvCase(&text), w.ChangedCase(&seen, &text), sub.RecvCase(&news), in.RecvCase(&letter), event.WaitCase()}
		ready := []func() error{
			func() error { return c.Send(ctx, "a") },
			func() error { return w.Set(ctx, "b") },
			func() error { return b.Send(ctx, "c") },
			func() error { return in.TrySend("d") },
			func() error { return event.Set(ctx) },
		}
		for _, waits := range []bool{false, true} {
			for i := range cases {
				require.NoError(t, event.Clear(ctx))
				text, news, letter = "", "", ""
				chosen := -2
				if waits {
					apart(t, ctx, s, func(ctx context.Context) { chosen, err = Select(ctx, cases...) })
				}
				require.NoError(t, ready[i]())
				if !waits {
					chosen, err = Select(ctx, cases...)
				}
				settle(t, ctx)
				require.NoError(t, err)
				require.Equal(t, i, chosen)
				require.Equal(t, [...]string{"a", "b", "c", "d", ""}[i], text+news+letter)
			}
		}
		require.EqualValues(t, 2, seen)
		require.Zero(t, c.Stats().ReceiversWaiting+w.Stats().Waiting+sub.Stats().Waiting+in.Stats().ReceiversWaiting+event.Stats().Waiting)

		for range 3 {
			require.NoError(t, b.Send(ctx, "more"))
		}
		chosen, err := Select(ctx, cases...)
		require.Equal(t, &LaggedError{Lost: 2}, err)
		require.Equal(t, 2, chosen)
		require.NoError(t, sub.Close())
		require.NoError(t, w.Close(ctx))
		require.NoError(t, in.Close())
		for _, i := range []int{1, 2, 3} {
			chosen, err := TrySelect(ctx, cases[i])
			require.Equal(t, ErrChanClosed, err)
			require.Zero(t, chosen)
		}
	})
}

func TestSelectDropsAValueThatNobodyWants(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		c, w, b, in := NewChan[int](0), NewWatch(0), NewBroadcast[int](1), NewInbox[int](1)
		sub, err := b.Subscribe(ctx)
		require.NoError(t, err)
		for i, ready := range []func() error{
			func() error { return c.Send(ctx, 1) },
			func() error { return w.Set(ctx, 1) },
			func() error { return b.Send(ctx, 1) },
			func() error { return in.TrySend(1) },
		} {
			_, seen := w.Get()
			chosen := -2
			apart(t, ctx, s, func(ctx context.Context) {
				chosen, err = Select(ctx, c.RecvCase(nil), w.ChangedCase(&seen, nil), sub.RecvCase(nil), in.RecvCase(nil))
			})
			require.NoError(t, ready())
			settle(t, ctx)
			require.NoError(t, err)
			require.Equal(t, i, chosen)
		}
	})
}
