//go:build unix

package coro

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A read of a Unix socket ends where a descriptor was passed, and no event tells
// of what is behind it.
func TestConnReadsOnBehindAPassedDescriptor(t *testing.T) {
	onUnix(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			peer, c := e.peer(ctx)
			send := func(text string, rights []byte) {
				_, _, err := peer.(*net.UnixConn).WriteMsgUnix([]byte(text), rights, nil)
				require.NoError(t, err)
			}
			send("abc", nil)
			send("def", syscall.UnixRights(0))
			send("ghi", nil)
			require.NoError(t, peer.Close())
			got, err := io.ReadAll(c)
			require.NoError(t, err)
			require.Equal(t, "abcdefghi", string(got))
		})
	})
}
