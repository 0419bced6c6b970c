package load

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestSourcesSpreadWhereAnAddressHasTooFewPorts(t *testing.T) {
	var mu sync.Mutex
	from := map[string]int{}
	addr := listen(t, func(c net.Conn) {
		host, _, _ := strings.Cut(c.RemoteAddr().String(), ":")
		mu.Lock()
		from[host]++
		mu.Unlock()
		buf := make([]byte, 64)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			_, _ = c.Write(buf[:n])
		}
	})
	e := engine(t, one(addr, Group{Role: Echo, Conns: 25, Size: 8}))
	e.sources.perAddr = 10 // as if it had few
	d, err := e.Dial(t.Context(), 25)
	require.NoError(t, err)
	require.Equal(t, 3, d.Sources)
	require.NoError(t, e.Touch(t.Context()))
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, map[string]int{"127.0.0.1": 10, "127.0.0.2": 10, "127.0.0.3": 5}, from)
}

func TestSourcesSpreadOnlyOnTheLoopback(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "127.3.2.1:1": true, "192.0.2.1:1": false, "[::1]:1": false} {
		s := newSources(netip.MustParseAddrPort(addr))
		require.Equal(t, want, s.spreads(), addr)
		require.Positive(t, s.perAddr)
		if !want {
			require.Equal(t, localPorts(), s.fit())
		}
	}
}

func TestSourcesNameTheirCongestionControl(t *testing.T) {
	e := dialed(t, one(serve(t, echo), Group{Role: Echo, Conns: 1, Size: 8}))
	require.NotEmpty(t, e.sources.congestion)
}

func TestConnectErrorNamesWhatRanOut(t *testing.T) {
	e := engine(t, one("127.0.0.1:1", Group{Role: Echo, Conns: 1}))
	for errno, want := range map[unix.Errno]error{
		unix.EMFILE: ErrDescriptors, unix.ENFILE: ErrDescriptors, unix.EADDRNOTAVAIL: ErrPorts, unix.ECONNREFUSED: ErrConnect,
	} {
		err := e.connectError(os.NewSyscallError("connect", errno))
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, err, errno)
	}
}
