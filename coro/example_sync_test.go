package coro_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weft-go/weft/coro"
)

// A pipeline of two tasks. The channel's capacity is how far the first one may be
// ahead.
func ExampleChan() {
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		squares := coro.NewChan[int](2)
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			if err := s.Go(func(ctx context.Context) error {
				for i := range 4 {
					if err := squares.Send(ctx, i*i); err != nil {
						return err
					}
				}
				return squares.Close(ctx)
			}); err != nil {
				return err
			}
			for {
				square, err := squares.Recv(ctx)
				if errors.Is(err, coro.ErrChanClosed) {
					return nil
				}
				if err != nil {
					return err
				}
				fmt.Println(square)
			}
		})
	})
	fmt.Println(err)
	// Output:
	// 0
	// 1
	// 4
	// 9
	// <nil>
}

// A task that serves two channels, and notices when nothing comes any more.
func ExampleSelect() {
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		words, numbers := coro.NewChan[string](0), coro.NewChan[int](0)
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			if err := s.Go(func(ctx context.Context) error {
				if err := words.Send(ctx, "seven"); err != nil {
					return err
				}
				return numbers.Send(ctx, 7)
			}); err != nil {
				return err
			}
			var word string
			var number int
			for {
				chosen, err := coro.Select(ctx, words.RecvCase(&word), numbers.RecvCase(&number), coro.After(10*time.Millisecond))
				if err != nil {
					return err
				}
				switch chosen {
				case 0:
					fmt.Println("a word:", word)
				case 1:
					fmt.Println("a number:", number)
				case 2:
					fmt.Println("silence")
					return nil
				}
			}
		})
	})
	fmt.Println(err)
	// Output:
	// a word: seven
	// a number: 7
	// silence
	// <nil>
}

// Two places at a backend, and three tasks that want one.
func ExampleSemaphore() {
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		places := coro.NewSemaphore(2)
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			for i := range 3 {
				if err := s.Go(func(ctx context.Context) error {
					if err := places.Acquire(ctx, 1); err != nil {
						return err
					}
					defer places.Release(1)
					fmt.Println("task", i, "works")
					err := coro.Yield(ctx) // something that takes time
					fmt.Println("task", i, "is done")
					return err
				}); err != nil {
					return err
				}
			}
			return nil
		})
	})
	fmt.Println(err)
	// Output:
	// task 0 works
	// task 1 works
	// task 0 is done
	// task 1 is done
	// task 2 works
	// task 2 is done
	// <nil>
}

// Every subscriber gets every value, and one that is too slow is told what it
// lost.
func ExampleBroadcast() {
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		ticks := coro.NewBroadcast[int](2)
		slow, err := ticks.Subscribe(ctx)
		if err != nil {
			return err
		}
		defer slow.Close()
		for i := range 5 {
			if err := ticks.Send(ctx, i); err != nil {
				return err
			}
		}
		for range 3 {
			tick, err := slow.Recv(ctx)
			var lagged *coro.LaggedError
			if errors.As(err, &lagged) {
				fmt.Println("lost", lagged.Lost)
				continue
			}
			fmt.Println(tick, err)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// lost 3
	// 3 <nil>
	// 4 <nil>
	// <nil>
}

// A goroutine of the program's has something for a task.
func ExampleInbox() {
	results := coro.NewInbox[string](16)
	go func() {
		defer results.Close()
		for _, result := range []string{"one", "two"} {
			if err := results.Send(context.Background(), result); err != nil {
				fmt.Println(err)
			}
		}
	}()
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		for {
			result, err := results.Recv(ctx)
			if errors.Is(err, coro.ErrChanClosed) {
				return nil
			}
			if err != nil {
				return err
			}
			fmt.Println(result)
		}
	})
	fmt.Println(err)
	// Output:
	// one
	// two
	// <nil>
}
