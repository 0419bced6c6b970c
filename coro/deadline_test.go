package coro

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// directions are the two operations that a deadline ends, on a connection on
// which both would wait for ever.
var directions = []struct {
	name  string
	set   func(*Conn, time.Time) error
	other func(*Conn, time.Time) error
	call  func(*Conn) (int, error)
}{
	{"read", (*Conn).SetReadDeadline, (*Conn).SetWriteDeadline, func(c *Conn) (int, error) { return c.Read(make([]byte, 1)) }},
	{"write", (*Conn).SetWriteDeadline, (*Conn).SetReadDeadline, func(c *Conn) (int, error) { return c.Write(make([]byte, 1<<20)) }},
	{"both, reading", (*Conn).SetDeadline, nil, func(c *Conn) (int, error) { return c.Read(make([]byte, 1)) }},
	{"both, writing", (*Conn).SetDeadline, nil, func(c *Conn) (int, error) { return c.Write(make([]byte, 1<<20)) }},
}

func onEveryDirection(t *testing.T, test func(t *testing.T, ctx context.Context, c *Conn, set func(time.Time) error, call func() (int, error))) {
	t.Helper()
	for _, d := range directions {
		t.Run(d.name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					c, _ := e.pair(ctx)
					fill(t, c)
					test(t, ctx, c,
						func(at time.Time) error { return d.set(c, at) },
						func() (int, error) { return d.call(c) })
				})
			})
		})
	}
}

func TestDeadlineInThePastFailsAtOnceUntilItIsReset(t *testing.T) {
	onEveryDirection(t, func(t *testing.T, ctx context.Context, c *Conn, set func(time.Time) error, call func() (int, error)) {
		for _, past := range []time.Time{time.Now().Add(-time.Hour), time.Unix(0, 1), time.Now().Add(-1)} {
			require.NoError(t, set(past))
			for range 3 {
				n, err := call()
				require.ErrorIs(t, err, os.ErrDeadlineExceeded, "deadline %v", past)
				require.Zero(t, n)
			}
		}
		require.NoError(t, set(time.Time{}))
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			p := background(t, s, func(context.Context) (int, error) { return call() })
			settle(t, ctx)
			require.False(t, p.done.set, "an operation after its deadline was cleared: it did not wait")
			require.NoError(t, set(time.Now().Add(-1)))
			_, err := p.wait(ctx)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return nil
		}))
	})
}

func TestDeadlineIsNeverEarly(t *testing.T) {
	onEveryDirection(t, func(t *testing.T, _ context.Context, _ *Conn, set func(time.Time) error, call func() (int, error)) {
		for _, d := range []time.Duration{1, time.Millisecond, 3*time.Millisecond + 1} {
			at := time.Now().Add(d)
			require.NoError(t, set(at))
			n, err := call()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.False(t, time.Now().Before(at), "deadline in %v", d)
			require.Zero(t, n)
			_, err = call()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, "the next operation after a deadline in %v", d)
		}
	})
}

func TestDeadlineIsMovedWhileATaskWaits(t *testing.T) {
	onEveryDirection(t, func(t *testing.T, ctx context.Context, _ *Conn, set func(time.Time) error, call func() (int, error)) {
		for name, moves := range map[string][]time.Duration{ // the last one passes
			"set":                        {time.Millisecond},
			"earlier":                    {time.Hour, time.Millisecond},
			"earlier, into the past":     {time.Hour, -time.Hour},
			"later, then earlier":        {time.Minute, time.Hour, time.Millisecond},
			"cleared, then set":          {time.Hour, 0, time.Millisecond},
			"soon, but cleared":          {time.Millisecond, 0, 10 * time.Millisecond},
			"soon, but later after that": {time.Millisecond, 10 * time.Millisecond},
		} {
			require.NoError(t, set(time.Time{}))
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				p := background(t, s, func(context.Context) (int, error) { return call() })
				settle(t, ctx)
				var last time.Time
				for _, d := range moves { // by this task, which is another one
					last = time.Time{}
					if d != 0 {
						last = time.Now().Add(d)
					}
					require.NoError(t, set(last), name)
				}
				_, err := p.wait(ctx)
				require.ErrorIs(t, err, os.ErrDeadlineExceeded, name)
				require.False(t, time.Now().Before(last), "%s: the operation ended before its last deadline", name)
				return nil
			}))
		}
	})
}

func TestDeadlineOfOneDirectionIsNotTheOthers(t *testing.T) {
	for _, d := range directions[:2] {
		t.Run(d.name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					c, _ := e.pair(ctx)
					fill(t, c)
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						p := background(t, s, func(context.Context) (int, error) { return d.call(c) })
						settle(t, ctx)
						require.NoError(t, d.other(c, time.Now().Add(-1)))
						require.NoError(t, Sleep(ctx, 3*time.Millisecond))
						require.False(t, p.done.set, "an operation that the other direction's deadline ended")
						require.NoError(t, d.set(c, time.Now().Add(-1)))
						_, err := p.wait(ctx)
						require.ErrorIs(t, err, os.ErrDeadlineExceeded)
						return nil
					}))
				})
			})
		})
	}
}

// The ones that wait for their turn have the deadline too.
func TestDeadlineEndsAllThatWait(t *testing.T) {
	onEveryDirection(t, func(t *testing.T, ctx context.Context, _ *Conn, set func(time.Time) error, call func() (int, error)) {
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			var waiting []*promise[int]
			for range 3 {
				waiting = append(waiting, background(t, s, func(context.Context) (int, error) { return call() }))
			}
			settle(t, ctx)
			require.NoError(t, set(time.Now().Add(time.Millisecond)))
			for _, p := range waiting {
				_, err := p.wait(ctx)
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			}
			return nil
		}))
	})
}

func TestDeadlineOfAWriteTellsHowMuchWasWritten(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			want := pattern(16 << 20)
			require.NoError(t, a.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
			n, err := a.Write(want)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Positive(t, n)
			require.Less(t, n, len(want))
			require.NoError(t, a.Close())
			got := readAll(t, b)
			require.Equal(t, n, len(got), "bytes the peer got, want the number Write returned")
			require.Equal(t, want[:n], got)
		})
	})
	t.Run("so does a cancelled one", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				a, b := e.pair(ctx)
				var n int
				err := WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(context.Context) (err error) {
						n, err = a.Write(pattern(16 << 20))
						return err
					}))
					settle(t, ctx)
					return s.Cancel(errTest)
				})
				require.ErrorIs(t, err, errTest)
				require.NoError(t, a.Close())
				require.Equal(t, pattern(16 << 20)[:n], readAll(t, b))
			})
		})
	})
}

// Bytes that are there when the deadline passes are not lost.
func TestDeadlineThatPassedLosesNoByte(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			_, err := b.Write([]byte("kept"))
			require.NoError(t, err)
			require.NoError(t, a.SetReadDeadline(time.Now().Add(-1)))
			_, err = a.Read(make([]byte, 8))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.NoError(t, a.SetReadDeadline(time.Now().Add(stuck)))
			got := make([]byte, 8)
			n, err := a.Read(got)
			require.NoError(t, err)
			require.Equal(t, "kept", string(got[:n]))
		})
	})
}
