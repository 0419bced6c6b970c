package coro

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every method of the sync kit that a context is given to, and every one that
// finds the task without it, says where it was called from.
func TestSyncKitBelongsToOneLoop(t *testing.T) {
	var (
		event  Event
		c      = NewChan[int](1)
		mutex  Mutex
		sem    = NewSemaphore(1)
		cond   Cond
		b      = NewBroadcast[int](1)
		sub    *Subscription[int]
		w      = NewWatch(0)
		in     = NewInbox[int](1)
		one    = func(_ any, err error) error { return err }
		two    = func(_, _ any, err error) error { return err }
		v      int
		seen   uint64
		tested = map[string]func(ctx context.Context) error{
			"Event.Set":        event.Set,
			"Event.Clear":      event.Clear,
			"Event.Wait":       event.Wait,
			"Event.WaitCase":   func(ctx context.Context) error { return one(Select(ctx, event.WaitCase())) },
			"Chan.Send":        func(ctx context.Context) error { return c.Send(ctx, 1) },
			"Chan.Recv":        func(ctx context.Context) error { return one(c.Recv(ctx)) },
			"Chan.TrySend":     func(ctx context.Context) error { return one(c.TrySend(ctx, 1)) },
			"Chan.TryRecv":     func(ctx context.Context) error { return two(c.TryRecv(ctx)) },
			"Chan.Close":       c.Close,
			"Chan.RecvCase":    func(ctx context.Context) error { return one(Select(ctx, c.RecvCase(&v))) },
			"Chan.SendCase":    func(ctx context.Context) error { return one(TrySelect(ctx, c.SendCase(v))) },
			"Mutex.Lock":       mutex.Lock,
			"Mutex.TryLock":    func(ctx context.Context) error { return one(mutex.TryLock(ctx)) },
			"Acquire":          func(ctx context.Context) error { return sem.Acquire(ctx, 1) },
			"TryAcquire":       func(ctx context.Context) error { return one(sem.TryAcquire(ctx, 1)) },
			"Cond.Wait":        cond.Wait,
			"Cond.Signal":      cond.Signal,
			"Cond.Broadcast":   cond.Broadcast,
			"Broadcast.Send":   func(ctx context.Context) error { return b.Send(ctx, 1) },
			"Subscribe":        func(ctx context.Context) error { return one(b.Subscribe(ctx)) },
			"Broadcast.Close":  b.Close,
			"Subscription":     func(ctx context.Context) error { return one(sub.Recv(ctx)) },
			"SubscriptionCase": func(ctx context.Context) error { return one(Select(ctx, sub.RecvCase(&v))) },
			"Watch.Set":        func(ctx context.Context) error { return w.Set(ctx, 1) },
			"Watch.Changed":    func(ctx context.Context) error { return two(w.Changed(ctx, 0)) },
			"Watch.Close":      w.Close,
			"ChangedCase":      func(ctx context.Context) error { return one(Select(ctx, w.ChangedCase(&seen, &v))) },
			"Inbox.Recv":       func(ctx context.Context) error { return one(in.Recv(ctx)) },
			"Inbox.RecvCase":   func(ctx context.Context) error { return one(Select(ctx, in.RecvCase(&v))) },
		}
		noContext = map[string]func() error{
			"Unlock":             mutex.Unlock,
			"Release":            func() error { return sem.Release(1) },
			"Subscription.Close": func() error { return sub.Close() },
		}
	)
	refused := func(want error, ctx context.Context) {
		t.Helper()
		for name, call := range tested {
			require.ErrorIs(t, call(ctx), want, name)
		}
		for name, call := range noContext {
			require.ErrorIs(t, call(), want, name)
		}
	}
	on(t, func(ctx context.Context, s *Scope) {
		require.NoError(t, event.Clear(ctx))
		require.NoError(t, c.Send(ctx, 1))
		require.NoError(t, mutex.Lock(ctx))
		require.NoError(t, sem.Acquire(ctx, 1))
		require.NoError(t, cond.Signal(ctx))
		var err error
		sub, err = b.Subscribe(ctx)
		require.NoError(t, err)
		require.NoError(t, w.Set(ctx, 1))
		require.NoError(t, in.TrySend(1))
		require.NoError(t, one(in.Recv(ctx)))

		t.Run("not to a plain goroutine", func(t *testing.T) {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				refused(ErrNotTask, ctx)
			}()
			<-ended // the loop stands still meanwhile
		})
		t.Run("not to another loop that runs at the same time", func(t *testing.T) {
			ended := make(chan error)
			go func() {
				ended <- Run(context.Background(), func(ctx context.Context) error { refused(ErrWrongLoop, ctx); return nil })
			}()
			require.NoError(t, <-ended)
		})
		t.Run("not under a context of no loop", func(t *testing.T) {
			for name, call := range tested {
				require.ErrorIs(t, call(context.Background()), ErrNoLoop, name)
			}
		})
	})
	t.Run("not to another loop when its own has ended", func(t *testing.T) {
		on(t, func(ctx context.Context, _ *Scope) { refused(ErrWrongLoop, ctx) })
	})
	require.Equal(t, ChanStats{Len: 1, Cap: 1, Sent: 1}, c.Stats(), "the Chan after all that")
}
