package coro

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// dumpOf is the part of a Dump that is about the calling task's loop, without
// what differs from run to run: times, ports, and how wide that makes columns.
func dumpOf(t *testing.T, ctx context.Context) string {
	t.Helper()
	tk, err := currentTaskOf(ctx)
	require.NoError(t, err)
	var all bytes.Buffer
	require.NoError(t, Dump(&all))
	_, text, found := strings.Cut(all.String(), tk.loop().title()+": ")
	require.True(t, found, all.String())
	if end := strings.Index(text, "\nloop "); end >= 0 {
		text = text[:end+1]
	}
	for _, change := range [][2]string{
		{`127.0.0.1:\d+`, "ADDR"},
		{` {2,}\d[\dhms.µ]*[sm]  `, "  TIME  "},
		{`turn [\d ]+`, "turn N"},
		{`\d+(\.\d+)?[hms0-9.]+ left`, "TIME left"},
		{`_test.go:\d+`, "_test.go"},
		{`(\S) {2,}`, "$1  "},
	} {
		text = regexp.MustCompile(change[0]).ReplaceAllString(text, change[1])
	}
	return text
}

func TestDumpIsATreeOfTasksAndScopes(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			require.NoError(t, SetName(ctx, "main"))
			ln := e.listen(ctx)
			var release Event // what is shielded is not cancelled
			enough := errors.New("enough")
			require.ErrorIs(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					return Serve(ctx, ln, func(_ context.Context, c net.Conn) error { return read(c) })
				}))
				for range 5 {
					e.dial(ctx, ln)
				}
				require.NoError(t, s.Daemon(sleepAnHour))
				require.NoError(t, s.Go(func(ctx context.Context) error {
					return Timeout(ctx, time.Hour, func(ctx context.Context) error {
						return Shield(ctx, func(ctx context.Context) error {
							return WithScope(ctx, func(s *Scope) error { return s.Go(release.Wait) })
						})
					})
				}))
				require.NoError(t, Sleep(ctx, time.Millisecond))
				require.Equal(t, `10 tasks, 0 coroutines idle, turn N
  task 1 "main"  other loops  TIME  coro.(*env).runWith (env_test.go)
    scope
      daemons
        task 8  timer  TIME  coro.TestDumpIsATreeOfTasksAndScopes.func1.1.1 (dump_test.go)
      task 2  accept on ADDR  TIME  coro.TestDumpIsATreeOfTasksAndScopes.func1.1.1 (dump_test.go)
        scope
          task 3, handler of ADDR  read from ADDR  TIME  coro.TestDumpIsATreeOfTasksAndScopes.func1.1.1.1.1 (dump_test.go)
            and 4 like it
      task 9  children  TIME  coro.TestDumpIsATreeOfTasksAndScopes.func1.1.1 (dump_test.go)
        timeout, TIME left
          shield
            scope
              task 10  queue  TIME  coro.TestDumpIsATreeOfTasksAndScopes.func1.1.1.2.1.1.1 (dump_test.go)
`, dumpOf(t, ctx))
				require.NoError(t, s.Cancel(enough))
				require.Contains(t, dumpOf(t, ctx), "    scope, cancelled: enough\n")
				return release.Set(ctx)
			}), enough)
		})
	})
}

func read(c io.Reader) error {
	_, err := c.Read(make([]byte, 1))
	return err
}

func sleepAnHour(ctx context.Context) error { return Sleep(ctx, time.Hour) }

func TestDumpFoldsTasksThatDoTheSameWithWhatIsInThem(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			require.ErrorIs(t, WithScope(ctx, func(s *Scope) error {
				for i := range 100 {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						return Timeout(ctx, time.Hour, func(ctx context.Context) error {
							return WithScope(ctx, func(s *Scope) error {
								if i == 42 {
									require.NoError(t, s.Go(sleepAnHour))
								}
								return s.Go(sleepAnHour)
							})
						})
					}))
				}
				require.NoError(t, Sleep(ctx, time.Millisecond))
				text := dumpOf(t, ctx)
				require.Contains(t, text, "and 98 like it")
				require.Len(t, strings.Split(text, "\n"), 14, "two kinds of 4 and 5 lines, and what is around:\n%s", text)
				return s.Cancel(nil)
			}), context.Canceled)
		})
	})
}

func TestDumpIsBounded(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			require.ErrorIs(t, WithScope(ctx, func(s *Scope) error {
				for i := range maxDumpLines {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						_ = SetName(ctx, string(pattern(i)))
						return Sleep(ctx, time.Hour)
					}))
				}
				require.NoError(t, Yield(ctx))
				text := dumpOf(t, ctx)
				require.Contains(t, text, "\n  and 2 lines more\n")
				require.Len(t, strings.Split(text, "\n"), maxDumpLines+3, "title, lines, what is left out, and the end")
				return s.Cancel(nil)
			}), context.Canceled)
		})
	})
}

func TestDumpTellsOfCallsOfOtherGoroutines(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			called := make(chan error, 1)
			go func() { called <- read(a) }()
			for !a.busy[0] {
				require.NoError(t, Sleep(ctx, time.Millisecond))
			}
			require.Contains(t, dumpOf(t, ctx), "\n  calls of other goroutines\n    task 2  read from ADDR  ")
			require.NoError(t, b.Close())
			for len(called) == 0 {
				require.NoError(t, Sleep(ctx, time.Millisecond))
			}
			require.ErrorIs(t, <-called, io.EOF)
		})
	})
}

func TestDumpReturnsTheWritersError(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, _ := e.pair(ctx)
			require.NoError(t, a.Close())
			require.ErrorIs(t, Dump(a), net.ErrClosed)
		})
	})
}

func TestThousandsAreGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1 000", 14998: "14 998", 1234567: "1 234 567"} {
		require.Equal(t, want, thousands(n))
	}
	require.Equal(t, "1 task", count(1, "task"))
}
