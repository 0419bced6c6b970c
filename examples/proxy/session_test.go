package main

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
)

// A dial that has connected just before the drain is over is a session that never
// begins: its two connections end, and the others' places are theirs.
func TestProxySessionThatWasCancelledBeforeItBegan(t *testing.T) {
	cause := errors.New("the drain is over")
	require.NoError(t, coro.Run(context.Background(), func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		connect := func() *coro.Conn {
			c, err := coro.Dial(ctx, "tcp", ln.Addr().String())
			require.NoError(t, err)
			return c
		}
		p := newProxy(testOptions(), func(string) {})
		other := &session{}
		p.add(other)
		client, server := connect(), connect()
		err = coro.WithScope(ctx, func(s *coro.Scope) error {
			require.NoError(t, s.Cancel(cause))
			return p.relay(s.Context(), p.pool.upstreams[0], client, server)
		})
		require.NoError(t, err)
		require.Equal(t, []*session{other}, p.sessions, "the sessions under way")
		require.Zero(t, p.pool.upstreams[0].active)
		require.Equal(t, 1, p.counts.broken)
		for _, c := range []*coro.Conn{client, server} {
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, net.ErrClosed)
		}
		return nil
	}))
}
