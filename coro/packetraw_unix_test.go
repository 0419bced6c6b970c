//go:build unix

package coro

import (
	"bytes"
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPacketConnGivesItsDescriptorAway(t *testing.T) {
	onRealPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			require.NoError(t, c.SetReadBuffer(100_000))
			require.NoError(t, c.SetWriteBuffer(100_000))
			raw, err := c.SyscallConn()
			require.NoError(t, err)
			require.NoError(t, raw.Control(func(fd uintptr) {
				size, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
				require.NoError(t, err)
				require.GreaterOrEqual(t, size, 100_000)
			}))
			_, err = c.WriteTo([]byte("to a system call"), c.LocalAddr())
			require.NoError(t, err)
			var got []byte
			require.NoError(t, raw.Read(func(fd uintptr) bool {
				buf := make([]byte, 100)
				n, _, err := syscall.Recvfrom(int(fd), buf, 0)
				if err == syscall.EAGAIN {
					return false
				}
				require.NoError(t, err)
				got = bytes.Clone(buf[:n])
				return true
			}))
			require.Equal(t, "to a system call", string(got))

			file, err := c.File()
			require.NoError(t, err)
			defer file.Close()
			require.NoError(t, c.Close())
			again, err := net.FilePacketConn(file)
			require.NoError(t, err, "package net on what File gave")
			require.NoError(t, again.Close())
		})
	})
}
