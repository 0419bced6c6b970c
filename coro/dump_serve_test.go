package coro

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A scope that serving has made for each connection is no line of its own: many
// handlers that do the same are folded with limits as they are without.
func TestDumpFoldsHandlersWithLimits(t *testing.T) {
	for name, limits := range map[string]ServeConfig{
		"none":     {},
		"deadline": {IdleTimeout: time.Hour, RequestTimeout: time.Hour},
		"drain":    {IdleTimeout: time.Hour, DrainTimeout: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					ln := e.listen(ctx)
					require.ErrorIs(t, WithScope(ctx, func(s *Scope) error {
						require.NoError(t, s.Go(func(ctx context.Context) error {
							return limits.Serve(ctx, ln, func(ctx context.Context, c net.Conn) error {
								return WithScope(ctx, func(s *Scope) error { return s.Go(sleepAnHour) })
							})
						}))
						for range 5 {
							e.dial(ctx, ln)
						}
						require.NoError(t, Sleep(ctx, time.Millisecond))
						around, indent := "", ""
						if limits.DrainTimeout > 0 {
							around, indent = "          handlers\n", "  "
						}
						require.Contains(t, dumpOf(t, ctx), `
        scope
`+around+
							indent+`          task 3, handler of ADDR  children  TIME  coro.TestDumpFoldsHandlersWithLimits.func1.1.1.1.1.1 (dump_serve_test.go)
`+indent+`            scope
`+indent+`              task 4  timer  TIME  coro.TestDumpFoldsHandlersWithLimits.func1.1.1.1.1.1.1 (dump_serve_test.go)
`+indent+`            and 4 like it
`)
						return s.Cancel(nil)
					}), context.Canceled)
				})
			})
		})
	}
}

// A connection without a task is a number: of its server in a Dump, of its loop in
// the counters.
func TestDumpCountsConnectionsWithoutATask(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		limits := ServeConfig{RequestTimeout: time.Hour}
		err := e.servingReadable(limits, func(ctx context.Context, c net.Conn) error {
			if err := read(c); err != nil {
				return err
			}
			return Sleep(ctx, time.Hour)
		}, func(ctx context.Context, s *Scope, ln *Listener, h *handlers) {
			var last *Conn
			for range 5 {
				last = e.dial(ctx, ln)
			}
			resting := func(n int) func() bool {
				return func() bool {
					stats, err := Stats(ctx)
					require.NoError(t, err)
					return stats.Resting == n
				}
			}
			until(t, ctx, resting(5))
			require.Contains(t, dumpOf(t, ctx), "scope, 5 idle connections\n")
			_, err := last.Write([]byte("x"))
			require.NoError(t, err)
			until(t, ctx, resting(4))
			until(t, ctx, func() bool { return h.running == 1 })
			require.Regexp(t, `scope, 4 idle connections
 +task \d+, handler of .*  timer  TIME  `, dumpOf(t, ctx))
			require.NoError(t, s.Cancel(nil))
		})
		require.ErrorIs(t, err, context.Canceled)
	})
}
