package coro

import (
	"bytes"
	"context"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// everyWait is what a task can wait in that takes a context, and is not among the
// operations of connections and scopes. None of these ends by itself.
var everyWait = map[string]func(ctx context.Context) error{
	"Chan.Recv": func(ctx context.Context) error { _, err := new(Chan[int]).Recv(ctx); return err },
	"Chan.Send": func(ctx context.Context) error { return new(Chan[int]).Send(ctx, 1) },
	"Select": func(ctx context.Context) error {
		_, err := Select(ctx, new(Chan[int]).RecvCase(nil), new(Event).WaitCase(), After(time.Hour))
		return err
	},
	"Cond.Wait":         func(ctx context.Context) error { return new(Cond).Wait(ctx) },
	"Watch.Changed":     func(ctx context.Context) error { _, _, err := new(Watch[int]).Changed(ctx, 0); return err },
	"Semaphore.Acquire": func(ctx context.Context) error { return lockedBefore(NewSemaphore(1)).Acquire(ctx, 1) },
	"Inbox.Recv":        func(ctx context.Context) error { _, err := NewInbox[int](1).Recv(ctx); return err },
	"Subscription.Recv": func(ctx context.Context) error {
		s, err := NewBroadcast[int](1).Subscribe(ctx)
		if err != nil {
			return err
		}
		_, err = s.Recv(ctx)
		return err
	},
	"Blocking": func(ctx context.Context) error {
		_, err := Blocking(ctx, func() (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) })
		return err
	},
	"RunCommand": func(ctx context.Context) error { return RunCommand(ctx, exec.Command("sleep", "1000")) },
}

// lockedBefore is a Semaphore of which nothing is free.
func lockedBefore(s *Semaphore) *Semaphore {
	s.free = 0
	return s
}

// Whatever a task waits in, every kind of end reaches it, and nothing is left
// behind that would keep Run from returning.
func TestEveryWaitEndsWithWhatIsAroundIt(t *testing.T) {
	if _, err := exec.LookPath("sleep"); err != nil {
		t.Skip(err)
	}
	for name, wait := range everyWait {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
				for _, d := range []time.Duration{0, time.Millisecond} {
					timedOut := new(*TimeoutError)
					require.ErrorAs(t, Timeout(ctx, d, wait), timedOut, "in a Timeout of %v", d)
					require.ErrorAs(t, Timeout(ctx, 0, func(ctx context.Context) error {
						return Shield(ctx, func(ctx context.Context) error { return Timeout(ctx, d, wait) })
					}), timedOut, "in a Timeout of %v in a Shield in a cancelled scope", d)
					require.Equal(t, d, (*timedOut).Limit, "the Timeout that counts")
				}
				require.NoError(t, WithScope(ctx, func(s *Scope) error { return s.Daemon(wait) }), "as a daemon of nothing")
				require.Equal(t, errTest, WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(wait))
					require.NoError(t, s.Daemon(wait))
					require.NoError(t, Sleep(ctx, time.Millisecond))
					return errTest
				}), "in a scope whose body fails")
				foreign, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Millisecond, func() { cancel(errTest) })
				require.ErrorIs(t, wait(foreign), errTest, "under a context that a goroutine cancels")
				return Sleep(ctx, 1) // the task goes on
			}))
		})
	}
}

// Everything that can be seen of a server is asked for while it serves, drains
// and ends, with everything switched on that costs something.
func TestServerIsLookedAtWhileItServesAndEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	log := new(records)
	var lookers sync.WaitGroup
	spawned, delays := uint64(0), uint64(0)
	const clients = 20
	server := Server{
		Loops:  2,
		Config: Config{Name: "looked at", Measure: true, ProfileLabels: true, Logger: log.logger()},
		Limits: ServeConfig{IdleTimeout: long, DrainTimeout: long},
		OnListen: func(at net.Addr) {
			lookers.Go(func() {
				defer cancel(errTest)
				var all sync.WaitGroup
				for range clients {
					all.Go(func() {
						c, err := net.Dial("tcp", at.String())
						if err != nil {
							t.Error(err)
							return
						}
						defer c.Close()
						ask(t, c, "hello")
					})
				}
				all.Wait()
				for _, l := range Loops() {
					if l.Name == "looked at" {
						spawned += l.Spawned
						delays += l.SchedulingDelay.Count()
					}
				}
			})
			lookers.Go(func() {
				for ended := false; !ended; { // and once more, when it has
					ended = ctx.Err() != nil && len(Loops()) == 0
					var text bytes.Buffer
					_ = Dump(&text)
					if bytes.Contains(text.Bytes(), []byte("not answered")) {
						t.Errorf("a loop that is said not to answer:\n%s", text.String())
					}
					_ = Tasks()
				}
			})
		},
	}
	err := server.Run(ctx, "tcp", "127.0.0.1:0", func(ctx context.Context, c net.Conn) error {
		if err := SetName(ctx, "handler"); err != nil {
			return err
		}
		values := NewChan[[]byte](0)
		return WithScope(ctx, func(s *Scope) error {
			_ = s.Daemon(func(ctx context.Context) error {
				for {
					v, err := values.Recv(ctx)
					if err != nil {
						return err
					}
					if _, err := c.Write(v); err != nil {
						return err
					}
				}
			})
			for {
				p := make([]byte, 10)
				n, err := c.Read(p)
				if err != nil {
					return err
				}
				if err := values.Send(ctx, p[:n]); err != nil {
					return err
				}
			}
		})
	})
	lookers.Wait()
	require.ErrorIs(t, err, errTest)
	require.GreaterOrEqual(t, spawned, uint64(2+2*clients))
	require.GreaterOrEqual(t, delays, spawned)
	require.Empty(t, log.find("WARN"))
	require.Empty(t, log.find("ERROR"))
}
