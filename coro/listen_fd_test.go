package coro

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestListenFDAcceptsFromASocketOpenedElsewhere(t *testing.T) {
	owner, err := poller.Open(poller.Config{})
	require.NoError(t, err)
	defer owner.Close()
	at, err := poller.ParseAddr("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	fd, err := owner.Listen(at, poller.ListenOptions{})
	require.NoError(t, err)
	_, err = ListenFD(t.Context(), fd)
	require.ErrorIs(t, err, ErrNoLoop)
	err = Run(t.Context(), func(ctx context.Context) error {
		_, err := ListenFD(ctx, poller.NoFD-1)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		ln, err := ListenFD(ctx, fd)
		require.NoError(t, err)
		return WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Go(func(ctx context.Context) error {
				c, err := ln.Accept()
				require.NoError(t, err)
				defer c.Close()
				_, err = io.Copy(c, c)
				return err
			}))
			c, err := Dial(ctx, "tcp", ln.Addr().String())
			require.NoError(t, err)
			_, err = io.WriteString(c, "hello")
			require.NoError(t, err)
			buf := make([]byte, 5)
			_, err = io.ReadFull(c, buf)
			require.NoError(t, err)
			require.Equal(t, "hello", string(buf))
			require.NoError(t, c.Close())
			require.NoError(t, ln.Close())
			require.ErrorIs(t, ln.Close(), net.ErrClosed)
			return nil
		})
	})
	require.NoError(t, err)
}
