package coro

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An out-of-band byte is an event without bytes: the handler waits for those,
// and gets no others.
func TestServeReadableIsNotConfusedByUrgentData(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		err := e.servingReadable(ServeConfig{}, answerOne, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			c := e.dial(ctx, ln)
			ask(t, c, "x")
			h.idle(t, ctx)
			require.NoError(t, unix.Sendto(int(c.src.FD()), []byte("!"), unix.MSG_OOB, nil))
			until(t, ctx, func() bool { return h.calls == 2 })
			ask(t, c, "hello")
			h.idle(t, ctx)
			require.Equal(t, 2, h.calls)
			require.NoError(t, c.Close())
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
	})
}
