package coro_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/weft-go/weft/coro"
)

// A timeout ends also what knows of no context: io.ReadFull, here.
func ExampleTimeout() {
	_ = coro.Run(context.Background(), func(ctx context.Context) error {
		silent, err := coro.Listen(ctx, "tcp", "127.0.0.1:0") // it never says a word
		if err != nil {
			return err
		}
		c, err := coro.Dial(ctx, "tcp", silent.Addr().String())
		if err != nil {
			return err
		}
		err = coro.Timeout(ctx, 10*time.Millisecond, func(context.Context) error {
			_, err := io.ReadFull(c, make([]byte, 16))
			return err
		})
		var timeout *coro.TimeoutError
		fmt.Println(errors.As(err, &timeout), timeout)
		fmt.Println("a timeout, as of net:", err.(net.Error).Timeout())
		return nil
	})
	// Output:
	// true coro: timed out after 10ms
	// a timeout, as of net: true
}

// One moment for several steps, each of which may take what is left.
func ExampleDeadline() {
	_ = coro.Run(context.Background(), func(ctx context.Context) error {
		end := time.Now().Add(20 * time.Millisecond)
		for _, step := range []string{"first", "second"} {
			err := coro.Deadline(ctx, end, func(ctx context.Context) error {
				return coro.Sleep(ctx, 15*time.Millisecond)
			})
			fmt.Println(step, "step: too late is", errors.Is(err, context.DeadlineExceeded))
		}
		return nil
	})
	// Output:
	// first step: too late is false
	// second step: too late is true
}

// Cleanup that has to talk to somebody, after the time is over.
func ExampleShield() {
	_ = coro.Run(context.Background(), func(ctx context.Context) error {
		farewell := func(ctx context.Context) error { return coro.Sleep(ctx, time.Millisecond) }
		return coro.Timeout(ctx, 10*time.Millisecond, func(ctx context.Context) error {
			fmt.Println("work:", coro.Sleep(ctx, time.Hour))
			fmt.Println("farewell:", farewell(ctx))
			fmt.Println("farewell in a shield:", coro.Shield(ctx, func(ctx context.Context) error {
				return coro.Timeout(ctx, time.Minute, farewell) // not for ever
			}))
			return nil
		})
	})
	// Output:
	// work: coro: timed out after 10ms
	// farewell: coro: timed out after 10ms
	// farewell in a shield: <nil>
}

// The scope ends when its tasks have; the daemon does not keep it.
func ExampleScope_Daemon() {
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			heartbeat := func(ctx context.Context) error {
				defer fmt.Println("the heart stops")
				for {
					if err := coro.Sleep(ctx, time.Minute); err != nil {
						return err
					}
					fmt.Println("beat")
				}
			}
			work := func(ctx context.Context) error {
				defer fmt.Println("the work is done")
				return coro.Sleep(ctx, time.Millisecond)
			}
			return errors.Join(s.Daemon(heartbeat), s.Go(work))
		})
	})
	fmt.Println("the end:", err)
	// Output:
	// the work is done
	// the heart stops
	// the end: <nil>
}

// Who has what the others were looking for ends the search.
func ExampleScope_Cancel() {
	found := errors.New("found")
	_ = coro.Run(context.Background(), func(ctx context.Context) error {
		err := coro.WithScope(ctx, func(s *coro.Scope) error {
			for _, distance := range []time.Duration{time.Hour, 5 * time.Millisecond, time.Minute} {
				if err := s.Go(func(ctx context.Context) error {
					if err := coro.Sleep(ctx, distance); err != nil {
						return err // an echo: the cause of the cancellation
					}
					fmt.Println("found at", distance)
					return s.Cancel(found)
				}); err != nil {
					return err
				}
			}
			return nil
		})
		fmt.Println(err)
		return nil
	})
	// Output:
	// found at 5ms
	// found
}
