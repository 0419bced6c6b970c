package reactor

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A lone out-of-band byte is not in the stream, and hides nothing that is.
func TestReadIsNotConfusedByUrgentData(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{})
		var got []byte
		ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(&calls{data: func(_ *Conn, b []byte) int { got = append(got, b...); return len(b) }}))
		require.NoError(t, err)
		peer := e.dial(ln).(*net.TCPConn)
		raw, err := peer.SyscallConn()
		require.NoError(t, err)
		send := func(s string, flags int) {
			require.NoError(t, raw.Control(func(fd uintptr) {
				require.NoError(t, syscall.Sendto(int(fd), []byte(s), flags, nil))
			}))
		}
		send("!", syscall.MSG_OOB)
		for range 20 {
			require.NoError(t, l.Turn(0))
		}
		reads := p.reads.Load()
		for range 20 {
			turn(t, l)
		}
		require.Equal(t, reads, p.reads.Load(), "read calls of an idle loop")
		send("one", 0)
		send("?", syscall.MSG_OOB)
		send("two", 0)
		for len(got) < 6 {
			require.NoError(t, l.Turn(stuck))
		}
		require.Equal(t, "onetwo", string(got))
	})
}
