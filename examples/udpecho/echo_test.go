package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
)

// A cause of its own is no error of one datagram: the task must not try for ever.
func TestUDPEchoEndsWithItsScopeWhateverTheCause(t *testing.T) {
	cause := errors.New("enough")
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		c, err := coro.ListenPacket(ctx, "udp", "127.0.0.1:0")
		require.NoError(t, err)
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			if err := s.Go(func(ctx context.Context) error { return echo(ctx, c) }); err != nil {
				return err
			}
			if err := coro.Yield(ctx); err != nil {
				return err
			}
			return s.Cancel(cause)
		})
	})
	require.ErrorIs(t, err, cause)
}
