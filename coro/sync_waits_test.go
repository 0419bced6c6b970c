package coro

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// A task that is parked in the sync kit tells in which part of it, and is counted
// there.
func TestTaskKnowsWhatOfTheSyncKitItWaitsFor(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var event Event
		var c, full Chan[int]
		var mutex Mutex
		var cond Cond
		var w Watch[int]
		sem, b, in := NewSemaphore(1), NewBroadcast[int](1), NewInbox[int](1)
		sub, err := b.Subscribe(ctx)
		require.NoError(t, err)
		require.NoError(t, mutex.Lock(ctx))
		require.NoError(t, sem.Acquire(ctx, 1))
		for name, want := range map[string]struct {
			kind    waitKind
			wait    func(ctx context.Context) error
			waiting func() int
		}{
			"Event":     {waitQueued, event.Wait, func() int { return event.Stats().Waiting }},
			"Send":      {waitSend, func(ctx context.Context) error { return full.Send(ctx, 1) }, func() int { return full.Stats().SendersWaiting }},
			"Recv":      {waitReceive, func(ctx context.Context) error { _, err := c.Recv(ctx); return err }, func() int { return c.Stats().ReceiversWaiting }},
			"Select":    {waitSelect, func(ctx context.Context) error { _, err := Select(ctx, c.RecvCase(nil)); return err }, func() int { return c.Stats().ReceiversWaiting }},
			"Mutex":     {waitLock, mutex.Lock, func() int { return mutex.Stats().Waiting }},
			"Semaphore": {waitAcquire, func(ctx context.Context) error { return sem.Acquire(ctx, 1) }, func() int { return sem.Stats().Waiting }},
			"Cond":      {waitCond, cond.Wait, func() int { return cond.Stats().Waiting }},
			"Broadcast": {waitReceive, func(ctx context.Context) error { _, err := sub.Recv(ctx); return err }, func() int { return sub.Stats().Waiting }},
			"Watch":     {waitReceive, func(ctx context.Context) error { _, _, err := w.Changed(ctx, 0); return err }, func() int { return w.Stats().Waiting }},
			"Inbox":     {waitReceive, func(ctx context.Context) error { _, err := in.Recv(ctx); return err }, func() int { return in.Stats().ReceiversWaiting }},
		} {
			var parked *task
			var err error
			own := apart(t, ctx, s, func(ctx context.Context) {
				parked, _ = currentTaskOf(ctx)
				err = want.wait(ctx)
			})
			require.Equal(t, taskParked, parked.state, name)
			require.Equal(t, want.kind.String(), parked.waits.String(), name)
			require.Equal(t, 1, want.waiting(), name)
			require.NoError(t, own.Cancel(errTest))
			settle(t, ctx)
			require.Equal(t, errTest, err, name)
			require.Zero(t, want.waiting(), "left behind in the queue: %s", name)
		}
	})
}

func TestSyncKitStatesHaveNames(t *testing.T) {
	require.Equal(t, "send receive select lock acquire condition",
		waitSend.String()+" "+waitReceive.String()+" "+waitSelect.String()+" "+waitLock.String()+" "+waitAcquire.String()+" "+waitCond.String())
	require.Equal(t, "never object timer", caseNever.String()+" "+caseObject.String()+" "+caseTimer.String())
	require.Equal(t, "open closed", inboxOpen.String()+" "+inboxClosed.String())
}
