package coro

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A connection that always has data takes its turns one after another, with nobody
// else ready: what happens to the others meanwhile, the loop has to look for.
func TestLoopLooksForEventsWhileATaskNeverWaits(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			const rounds = 4000
			_, err := b.Write(make([]byte, rounds))
			require.NoError(t, err)
			e.os.readTakes = 20 * time.Microsecond // a record of TLS, with its echo
			turn, inTurn, longest := turns(t, ctx), 0, 0
			for range rounds {
				_, err := a.Read(make([]byte, 1))
				require.NoError(t, err)
				if now := turns(t, ctx); now != turn {
					turn, inTurn = now, 0
				}
				inTurn++
				longest = max(longest, inTurn)
			}
			most := passesPerLook*operationsPerResume + int(longTurn/e.os.readTakes)
			require.LessOrEqual(t, longest, most, "reads in one turn of the loop")
		})
	})
}

func turns(t *testing.T, ctx context.Context) uint64 {
	t.Helper()
	s, err := Stats(ctx)
	require.NoError(t, err)
	return s.Reactor.Turns
}
