//go:build unix

package coro

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kill sends a signal to this process.
func kill(t *testing.T, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(syscall.Getpid(), sig))
}

// notify asks for signals that end the process otherwise.
func notify(t *testing.T, ctx context.Context, signals ...os.Signal) *Signals {
	t.Helper()
	s, err := NotifySignals(ctx, signals...)
	require.NoError(t, err)
	return s
}

// arrived waits, as a task that lets the others run, until n signals are kept.
func arrived(t *testing.T, ctx context.Context, s *Signals, n int) {
	t.Helper()
	for len(s.pending) < n {
		require.NoError(t, Yield(ctx))
	}
}

func TestSignalsReachTheTask(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			s := notify(t, ctx, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGUSR1)
			defer s.Close()
			require.Len(t, s.kinds, 2, "kinds, of which one was named twice")
			kill(t, syscall.SIGUSR2)
			arrived(t, ctx, s, 1)
			kill(t, syscall.SIGUSR1)
			arrived(t, ctx, s, 2)
			for _, want := range []os.Signal{syscall.SIGUSR2, syscall.SIGUSR1} { // in the order in which they came
				got, err := s.Recv(ctx)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
			require.NoError(t, WithScope(ctx, func(scope *Scope) error {
				p := background(t, scope, s.Recv)
				settle(t, ctx)
				require.False(t, p.done.set, "Recv without a signal")
				kill(t, syscall.SIGUSR1)
				got, err := p.wait(ctx)
				require.Equal(t, syscall.SIGUSR1, got)
				return err
			}))
		})
	})
}

// However often a signal comes, one is kept, and the others are not pushed out.
func TestSignalsThatComeAgainAreReceivedOnce(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			s := notify(t, ctx, syscall.SIGUSR1, syscall.SIGUSR2)
			defer s.Close()
			for range 200 {
				kill(t, syscall.SIGUSR1)
			}
			kill(t, syscall.SIGUSR2)
			arrived(t, ctx, s, 2)
			counts := map[os.Signal]int{}
			for {
				soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				got, err := s.Recv(soon)
				cancel()
				if err != nil {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					break
				}
				counts[got]++
			}
			require.Equal(t, 1, counts[syscall.SIGUSR2])
			// One more may be on its way when the first is received.
			require.LessOrEqual(t, counts[syscall.SIGUSR1], 3, "of 200 that came while nobody received")
			require.GreaterOrEqual(t, counts[syscall.SIGUSR1], 1)
		})
	})
}

// Each signal goes to one task, first come, first served; a cancelled task leaves
// its place to the others.
func TestSignalsGoToTheTaskThatCameFirst(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			s := notify(t, ctx, syscall.SIGUSR1, syscall.SIGUSR2)
			defer s.Close()
			require.NoError(t, WithScope(ctx, func(scope *Scope) error {
				first := background(t, scope, s.Recv)
				for _, cancelled := range cancellations {
					cancelled(t, ctx, func(ctx context.Context) error { _, err := s.Recv(ctx); return err })
				}
				second := background(t, scope, s.Recv)
				settle(t, ctx)
				require.Len(t, s.waiting, 2)
				for _, one := range []struct {
					*promise[os.Signal]
					sig syscall.Signal
				}{{first, syscall.SIGUSR2}, {second, syscall.SIGUSR1}} {
					kill(t, one.sig)
					got, err := one.wait(ctx)
					require.NoError(t, err)
					require.Equal(t, one.sig, got)
				}
				return nil
			}))
		})
	})
}

// The signal has woken the task, and the scope is cancelled in the same turn; and
// the other way round the next task gets the signal.
func TestSignalsReceivedAreNeverCancelled(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			s := notify(t, ctx, syscall.SIGUSR1)
			defer s.Close()
			var got os.Signal
			var failed error
			receive := func(first, second func(scope *Scope)) {
				require.NoError(t, WithScope(ctx, func(scope *Scope) error {
					require.NoError(t, scope.Go(func(ctx context.Context) error { got, failed = s.Recv(ctx); return nil }))
					settle(t, ctx)
					first(scope)
					second(scope)
					return nil
				}))
			}
			arrive := func(*Scope) { s.kinds[0].kept.Store(true); s.arrive(s.kinds[0]) } // as its goroutine does
			cancel := func(scope *Scope) { require.NoError(t, scope.Cancel(errTest)) }
			receive(arrive, cancel)
			require.NoError(t, failed)
			require.Equal(t, syscall.SIGUSR1, got)
			receive(cancel, arrive)
			require.Equal(t, errTest, failed)
			got, failed = s.Recv(ctx)
			require.NoError(t, failed)
			require.Equal(t, syscall.SIGUSR1, got, "the signal that came after the cancellation")
		})
	})
}

func TestSignalsReachEveryLoopThatAskedForThem(t *testing.T) {
	ready, results := make(chan struct{}), make(chan error)
	for range 2 {
		go func() {
			results <- Run(context.Background(), func(ctx context.Context) error {
				s, err := NotifySignals(ctx, syscall.SIGUSR1)
				if err != nil {
					return err
				}
				ready <- struct{}{}
				_, err = s.Recv(ctx)
				return err // without Close: it ends with the loop
			})
		}()
		wait(t, ready, "a loop")
	}
	kill(t, syscall.SIGUSR1)
	require.NoError(t, wait(t, results, "a loop's signal"))
	require.NoError(t, wait(t, results, "the other loop's signal"))
}

func TestSignalsCloseWakesWhoReceives(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			s := notify(t, ctx, syscall.SIGUSR1)
			require.NoError(t, WithScope(ctx, func(scope *Scope) error {
				p := background(t, scope, s.Recv)
				settle(t, ctx)
				outside(t, ctx, s.Close)
				_, err := p.wait(ctx)
				require.Equal(t, ErrClosed, err)
				s.Close()
				_, err = s.Recv(ctx)
				require.Equal(t, ErrClosed, err)
				return nil
			}))
			task, _ := currentTaskOf(ctx)
			require.Empty(t, task.loop().signals)
			s.arrive(s.kinds[0]) // what was posted before Close
			require.Empty(t, s.pending)
			require.NoError(t, Sleep(ctx, 1))
		})
	})
}

// Cleanup in a cancelled scope can still ask for signals and close.
func TestSignalsInACancelledScope(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			require.NoError(t, WithScope(ctx, func(scope *Scope) error {
				require.NoError(t, scope.Cancel(errTest))
				s := notify(t, ctx, syscall.SIGUSR1)
				_, err := s.Recv(ctx)
				require.Equal(t, errTest, err)
				s.Close()
				_, err = WaitSignal(ctx, syscall.SIGUSR1)
				require.Equal(t, errTest, err)
				return nil
			}))
		})
	})
}

func TestSignalsAreForTasksOfTheirLoop(t *testing.T) {
	_, err := NotifySignals(context.Background(), syscall.SIGUSR1)
	require.Equal(t, ErrNoLoop, err)
	_, err = WaitSignal(context.Background(), syscall.SIGUSR1)
	require.Equal(t, ErrNoLoop, err)
	var s *Signals
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		_, err := NotifySignals(ctx)
		require.ErrorIs(t, err, errNoSignals)
		s = notify(t, ctx, syscall.SIGUSR1)
		_, err = s.Recv(context.Background())
		require.Equal(t, ErrNoLoop, err)
		outside(t, ctx, func() {
			_, err := s.Recv(ctx)
			require.Equal(t, ErrNotTask, err)
			_, err = NotifySignals(ctx, syscall.SIGUSR1)
			require.Equal(t, ErrNotTask, err)
			require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
				_, err := s.Recv(ctx)
				require.Equal(t, ErrWrongLoop, err, "Recv in a task of another loop")
				return nil
			}))
		})
		return nil
	}))
	require.True(t, s.closed, "Signals of a loop that has ended")
	s.Close()
}

func TestWaitSignalGivesTheSignalBack(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			cmd := childCommand(ctx, t, "wait signal")
			line := lines(t, cmd)
			require.NoError(t, cmd.Start())
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				p := background(t, s, func(ctx context.Context) (int, error) { return 0, WaitCommand(ctx, cmd) })
				require.Equal(t, "ready", line(ctx))
				require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
				require.Equal(t, "terminated", line(ctx))
				require.Equal(t, "<nil>", line(ctx), "the end of Run")
				require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
				_, err := p.wait(ctx)
				require.ErrorContains(t, err, "signal: terminated", "a child in which the signal has its usual effect again")
				return nil
			}))
		})
	})
}
