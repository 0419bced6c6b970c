//go:build linux

package coro

import (
	"context"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who copies a part of a stream can see how far it has come, also while it is moved
// inside the kernel: every piece was counted before the next one is moved.
func TestSpliceCountsThePartDownAsItGoes(t *testing.T) {
	const size = 8 << 20
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			part := &io.LimitedReader{N: math.MaxInt64}
			pieces := 0
			e.os.splice = func() error { // before each one
				require.GreaterOrEqual(t, math.MaxInt64-part.N, int64(e.os.splicedIn), "bytes counted, of those that have gone in")
				pieces++
				return nil
			}
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				r := e.relay(ctx, s, func(out, in *Conn) (int64, error) {
					part.R = in
					return out.ReadFrom(part)
				})
				r.feed(t, s, size)
				n, err := io.Copy(io.Discard, io.LimitReader(r.to, size))
				require.NoError(t, err)
				require.EqualValues(t, size, n)
				n, err = r.copied.wait(ctx)
				require.EqualValues(t, size, n)
				return err
			}))
			require.EqualValues(t, size, math.MaxInt64-part.N)
			require.Positive(t, pieces)
		})
	})
}
