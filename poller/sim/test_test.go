package sim_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

func TestTimeNowIsVirtualInTest(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		w.Host("server").Daemon("silent", tasks(func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "tcp", ":7")
			if err != nil {
				return err
			}
			c, err := ln.Accept()
			if err != nil {
				return err
			}
			defer c.Close()
			return coro.Sleep(ctx, time.Hour)
		}))
		require.NoError(t, w.RunFor(time.Millisecond))
		w.Host("client").Go("impatient", tasks(func(ctx context.Context) error {
			c, err := coro.Dial(ctx, "tcp", "server:7")
			require.NoError(t, err)
			defer c.Close()
			begin := time.Now()
			require.Equal(t, w.Now().Truncate(time.Millisecond), begin.Truncate(time.Millisecond))
			require.NoError(t, c.SetReadDeadline(begin.Add(30*time.Second)))
			_, err = c.Read(make([]byte, 1))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, 30*time.Second, time.Since(begin).Truncate(time.Second), "time by the runtime's clock")
			return nil
		}))
	})
}

func TestGoroutinesBesideAProgramKeepTheirTime(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		var woken time.Duration
		w.Host("host").Go("is called", func(os poller.OS) error {
			go func() {
				time.Sleep(5 * time.Second)
				_ = os.Wake()
			}()
			_, err := os.Wait(make([]poller.Event, 1), time.Hour)
			woken = w.Elapsed()
			return err
		})
		require.NoError(t, w.Run())
		require.Equal(t, 5*time.Second, woken.Truncate(time.Millisecond))
	})
}

func TestWorldWithoutProgramsEndsAtOnce(t *testing.T) {
	sim.Test(t, func(*testing.T, *sim.World) {})
}

// TestServer is the test that the package's documentation shows.
func TestServer(t *testing.T) {
	serve := tasks(echo)
	answer := ""
	ask := tasks(func(ctx context.Context) (err error) {
		answer, err = ask(ctx, "server", "hello")
		return err
	})

	sim.Test(t, func(t *testing.T, w *sim.World) {
		w.Host("server").Daemon("serve", serve)        // func(poller.OS) error
		require.NoError(t, w.RunFor(time.Millisecond)) // until it listens
		w.Host("client").Go("ask", ask)
	})
	require.Equal(t, "hello", answer)
}

func TestWorldKeepsUpWithAProgramThatSleepsByItself(t *testing.T) {
	for name, sleep := range map[string]func(ctx context.Context) error{
		"in the program": func(context.Context) error {
			time.Sleep(10 * time.Second)
			return nil
		},
		"in Blocking": func(ctx context.Context) error {
			_, err := coro.Blocking(ctx, func() (int, error) {
				time.Sleep(10 * time.Second)
				return 0, nil
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			sim.Test(t, func(t *testing.T, w *sim.World) {
				w.Host("host").Go("sleeper", tasks(func(ctx context.Context) error {
					begin := time.Now()
					require.NoError(t, sleep(ctx))
					require.NoError(t, coro.Sleep(ctx, 5*time.Second))
					require.Equal(t, 15*time.Second, time.Since(begin).Truncate(time.Millisecond))
					require.Equal(t, time.Now().Truncate(time.Millisecond), w.Now().Truncate(time.Millisecond))
					return nil
				}))
			})
		})
	}
}
