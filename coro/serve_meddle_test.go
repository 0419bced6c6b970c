package coro

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// meddling is what somebody does to a connection that a Serve has, and whether
// the connection ends with it.
var meddling = map[string]struct {
	do   func(c *Conn) error
	ends bool
}{
	"Close":  {func(c *Conn) error { return c.Close() }, true},
	"Detach": {func(c *Conn) error { d, err := c.Detach(); return errors.Join(err, d.Close()) }, true},
	"File":   {func(c *Conn) error { f, err := c.File(); return errors.Join(err, f.Close()) }, false},
	"SyscallConn": {func(c *Conn) error {
		raw, err := c.SyscallConn()
		return errors.Join(err, raw.Control(func(uintptr) {}))
	}, false},
	"a deadline": {func(c *Conn) error { return c.SetReadDeadline(time.Unix(1, 0)) }, true},
}

// Whoever else has a connection of Serve's or ServeReadable's may do with it what
// they like: while it is idle, while its handler runs, in the handler itself; as a
// task or as a goroutine. It ends then, or goes on, and is counted once.
func TestServeOutlivesWhatIsDoneToItsConnections(t *testing.T) {
	everything := ServeConfig{MaxConns: 2, IdleTimeout: long, RequestTimeout: long, DrainTimeout: long}
	for name, what := range meddling {
		for _, moment := range []string{"idle", "running", "inside"} {
			if moment == "inside" && name == "a deadline" {
				continue // of its own a handler has them, and TestServeReadableForgetsDeadlines
			}
			for _, from := range []string{"task", "goroutine"} {
				t.Run(name+", "+moment+", by a "+from, func(t *testing.T) {
					onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
						do := func(ctx context.Context, c *Conn) error {
							if from == "task" {
								return what.do(c)
							}
							_, err := Blocking(ctx, func() (int, error) { return 0, what.do(c) })
							return err
						}
						var served *Conn
						err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
							return serve(everything, ctx, ln, func(ctx context.Context, c net.Conn) error {
								served = c.(*Conn)
								p := make([]byte, 1)
								for {
									if _, err := c.Read(p); err != nil {
										return err
									}
									if moment == "inside" && p[0] == '!' {
										if err := do(ctx, served); err != nil {
											return err
										}
									}
									if p[0] == '?' {
										continue // the request goes on
									}
									if _, err := c.Write(p); err != nil {
										return err
									}
									if served.extra.readable != nil {
										return nil
									}
								}
							})
						}, func(ctx context.Context, s *Scope, ln *Listener) {
							before := openDescriptors()
							c := e.dial(ctx, ln)
							ask(t, c, "x")
							switch moment {
							case "inside":
								_, err := c.Write([]byte("!"))
								require.NoError(t, err)
							case "running":
								_, err := c.Write([]byte("?"))
								require.NoError(t, err)
								until(t, ctx, func() bool { return served.src.Waiting(0) })
								fallthrough
							default:
								until(t, ctx, func() bool { return served.src.Waiting(0) })
								require.NoError(t, do(ctx, served))
							}
							if what.ends {
								_, err := c.Read(make([]byte, 1))
								require.Error(t, err, "the end of the connection")
							} else {
								if moment == "inside" {
									_, err := io.ReadFull(c, make([]byte, 1))
									require.NoError(t, err)
								}
								ask(t, c, "y")
							}
							require.NoError(t, c.Close())
							server := served.extra.server
							until(t, ctx, func() bool { return server.open == 0 && server.conns.open.Load() == 0 })
							require.Equal(t, before, openDescriptors(), "descriptors")
							for range everything.MaxConns { // the places are free
								ask(t, e.dial(ctx, ln), "z")
							}
							require.NoError(t, s.Cancel(errTest))
						})
						require.ErrorIs(t, err, errTest)
						require.Empty(t, e.log.find("WARN"))
						require.Empty(t, e.log.find("ERROR"))
					})
				})
			}
		}
	}
}
