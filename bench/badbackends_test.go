package main

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/weft-go/weft/bench/backend"
)

// badBackends are servers that fail in a known way. Only the processes that
// tests start know them.
var badBackends = []backend.Backend{
	{Name: "corrupts", Serve: serveBadly(func(c net.Conn, p []byte) error {
		p[len(p)/2] ^= 1
		_, err := c.Write(p)
		return err
	})},
	{Name: "hangs-up", Serve: serveBadly(func(net.Conn, []byte) error {
		return errors.New("enough")
	})},
	{Name: "dies", Serve: serveBadly(func(net.Conn, []byte) error {
		os.Stderr.WriteString("fatal error: out of luck\n\ngoroutine 1 [running]:\n")
		os.Exit(3)
		return nil
	})},
	{Name: "refuses", Serve: func(context.Context, backend.Config) error {
		return errors.New("no server today")
	}},
	{Name: "ends-badly", Serve: func(ctx context.Context, c backend.Config) error {
		defer os.Exit(7)
		return serveBadly(func(c net.Conn, p []byte) error {
			_, err := c.Write(p)
			return err
		})(ctx, c)
	}},
}

// serveBadly answers every read on every connection.
func serveBadly(answer func(c net.Conn, p []byte) error) func(context.Context, backend.Config) error {
	return func(ctx context.Context, config backend.Config) error {
		ln, err := net.Listen("tcp", config.Addr)
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { ln.Close() })()
		config.Ready(ln.Addr().String())
		for {
			c, err := ln.Accept()
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil || answer(c, buf[:n]) != nil {
						return
					}
				}
			}()
		}
	}
}
