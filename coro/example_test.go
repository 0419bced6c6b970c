package coro_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/weft-go/weft/coro"
)

// An echo server: one task for each connection, all of them on one event loop.
func ExampleServe() {
	addr := unusedAddress()
	ctx, stop := context.WithCancel(context.Background())
	go greet(addr, stop) // a client of package net's, which ends the example

	err := coro.Run(ctx, func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return coro.Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
			_, err := io.Copy(c, c) // suspends this task, not the thread
			return err
		})
	})
	fmt.Println("the server ends:", err)
	// Output:
	// echo: hello
	// the server ends: context canceled
}

// greet waits for a server, says hello and reads the answer.
func greet(addr string, done func()) {
	defer done()
	c, err := net.Dial("tcp", addr)
	for err != nil { // it does not listen yet
		time.Sleep(time.Millisecond)
		c, err = net.Dial("tcp", addr)
	}
	defer c.Close()
	fmt.Fprint(c, "hello")
	answer := make([]byte, 5)
	if _, err := io.ReadFull(c, answer); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("echo: %s\n", answer)
}

// unusedAddress is one of this machine where nobody listens.
func unusedAddress() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// The first failure cancels the rest, and is what WithScope returns.
func ExampleWithScope() {
	_ = coro.Run(context.Background(), func(ctx context.Context) error {
		err := coro.WithScope(ctx, func(s *coro.Scope) error {
			for i := range 3 {
				if err := s.Go(func(ctx context.Context) error {
					defer fmt.Println("task", i, "ends")
					if i == 1 {
						return errors.New("out of paper")
					}
					return coro.Sleep(ctx, time.Hour)
				}); err != nil {
					return err
				}
			}
			return nil
		})
		fmt.Println("the scope ends:", err)
		return nil
	})
	// Unordered output:
	// task 0 ends
	// task 1 ends
	// task 2 ends
	// the scope ends: out of paper
}

// A context with a timeout ends the operation that it is given to.
func ExampleSleep() {
	_ = coro.Run(context.Background(), func(ctx context.Context) error {
		fmt.Println(coro.Sleep(ctx, time.Millisecond))
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		fmt.Println(coro.Sleep(short, time.Hour))
		return nil
	})
	// Output:
	// <nil>
	// context deadline exceeded
}

// A library that blocks is called off the loop: here two at a time, and the third
// when one of them is done.
func ExampleBlockingOn() {
	slow := coro.NewWorkers("slow library", 2)
	_ = coro.Run(context.Background(), func(ctx context.Context) error {
		var total int // the tasks' own: they need no lock
		err := coro.WithScope(ctx, func(s *coro.Scope) error {
			for i := range 3 {
				if err := s.Go(func(ctx context.Context) error {
					square, err := coro.BlockingOn(ctx, slow, func() (int, error) {
						time.Sleep(time.Millisecond) // blocks its thread, and no task
						return i * i, nil
					})
					total += square
					return err
				}); err != nil {
					return err
				}
			}
			return nil
		})
		fmt.Println(total, err)
		fmt.Printf("%+v\n", slow.Stats())
		return nil
	})
	// Output:
	// 5 <nil>
	// {Name:slow library Limit:2 Running:0 Waiting:0 Done:3 Panics:0}
}

// A file is read off the loop.
func ExampleBlocking() {
	_ = coro.Run(context.Background(), func(ctx context.Context) error {
		_, err := coro.Blocking(ctx, func() ([]byte, error) { return os.ReadFile("no-such-file") })
		fmt.Println(errors.Is(err, os.ErrNotExist))
		return nil
	})
	// Output:
	// true
}

// Client and server are two tasks of one loop.
func ExampleDial() {
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			if err := s.Go(func(ctx context.Context) error {
				return coro.Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
					name, err := io.ReadAll(c)
					if err == nil {
						_, err = fmt.Fprintf(c, "hello, %s", name)
					}
					return err
				})
			}); err != nil {
				return err
			}
			c, err := coro.Dial(ctx, "tcp", ln.Addr().String())
			if err != nil {
				return err
			}
			defer c.Close()
			fmt.Fprint(c, "weft")
			if err := c.CloseWrite(); err != nil { // "that was all": the server answers
				return err
			}
			answer, err := io.ReadAll(c)
			fmt.Printf("%s\n", answer)
			return errors.Join(err, ln.Close())
		})
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// hello, weft
}
