package coro_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/weft-go/weft/coro"
)

// Lines, for clients that say something once in a while. What has come of a line
// stays with the connection; between two calls of the handler that is all there
// is.
func ExampleServeReadable() {
	upper := func(_ context.Context, c net.Conn) error {
		conn := c.(*coro.Conn)
		line, _ := conn.State().([]byte)
		buf := make([]byte, 512)
		n, err := c.Read(buf)
		if err != nil {
			return err // io.EOF: the client has gone
		}
		line = append(line, buf[:n]...)
		for {
			whole, rest, found := bytes.Cut(line, []byte("\n"))
			if !found {
				break
			}
			if _, err := fmt.Fprintf(c, "%s!\n", bytes.ToUpper(whole)); err != nil {
				return err
			}
			line = rest
		}
		conn.SetState(bytes.Clone(line)) // a copy of what is left
		return nil
	}
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			if err := s.Go(func(ctx context.Context) error { return coro.ServeReadable(ctx, ln, upper) }); err != nil {
				return err
			}
			c, err := coro.Dial(ctx, "tcp", ln.Addr().String())
			if err != nil {
				return err
			}
			defer c.Close()
			for _, part := range []string{"one\ntw", "o\n"} {
				fmt.Fprint(c, part)
				if err := coro.Sleep(ctx, time.Millisecond); err != nil {
					return err
				}
			}
			if err := c.CloseWrite(); err != nil {
				return err
			}
			answers, err := io.ReadAll(c)
			fmt.Printf("%s", answers)
			return errors.Join(err, ln.Close())
		})
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// ONE!
	// TWO!
}

// Two loops serve one port. The cancellation lets requests that are under way be
// answered first.
func ExampleServer() {
	ctx, stop := context.WithCancel(context.Background())
	listening := make(chan net.Addr, 1)
	server := coro.Server{
		Loops: 2,
		Limits: coro.ServeConfig{
			IdleTimeout:    time.Minute,
			RequestTimeout: 10 * time.Second,
			DrainTimeout:   5 * time.Second,
		},
		OnListen: func(addr net.Addr) { listening <- addr },
	}
	go func() {
		greet((<-listening).String(), stop) // a client of package net's, which ends the example
	}()
	err := server.Run(ctx, "tcp", "127.0.0.1:0", func(_ context.Context, c net.Conn) error {
		_, err := io.Copy(c, c)
		return err
	})
	fmt.Println("the server ends:", err)
	// Output:
	// echo: hello
	// the server ends: context canceled
}
