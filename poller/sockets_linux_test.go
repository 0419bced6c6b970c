package poller_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
)

func parse(t *testing.T, network, address string) poller.Addr {
	t.Helper()
	a, err := poller.ParseAddr(network, address)
	require.NoError(t, err, "ParseAddr(%q, %q)", network, address)
	return a
}

func withPort(t *testing.T, host string, port uint16) poller.Addr {
	t.Helper()
	return parse(t, "tcp", net.JoinHostPort(host, fmt.Sprint(port)))
}

func needIPv6(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	ln.Close()
}

func TestConnectUnreachableIsTheKernelsWord(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		_, err := l.Dial(parse(t, "tcp", "255.255.255.255:1"), poller.SocketOptions{})
		require.ErrorIs(t, err, unix.ENETUNREACH)
	})
}

// A full backlog makes Linux drop the SYN, so the connect stays under way until
// the next try, a second later.
func TestConnectResultIsErrWouldBlockWhileUnderWay(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		listener, at := l.Server(pollertest.Loopback, poller.ListenOptions{Backlog: 1})
		var last poller.FD
		for n := 1; ; n++ {
			require.LessOrEqual(t, n, 10, "connections to a backlog of 1")
			var err error
			last, err = l.Connect(at, poller.SocketOptions{})
			require.NoError(t, err)
			l.Own(last)
			l.Register(last)
			l.Settle()
			if err = l.ConnectResult(last); err == poller.ErrWouldBlock {
				break
			}
			require.NoError(t, err)
		}
		require.Equal(t, poller.ErrWouldBlock, l.ConnectResult(last), "ConnectResult, asked again")
		l.Sleeps()
		l.AcceptOne(listener)
		l.AcceptOne(listener)
		l.Await(last, poller.Writable)
		require.NoError(t, l.ConnectResult(last), "ConnectResult after there was room")
	})
}

// TCP's simultaneous open lets a socket connect to its own port. The kernel
// picks such a port by chance; bind makes it certain.
func TestConnectToItselfIsRefused(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		raw, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		fd := l.Own(poller.FD(raw))
		require.NoError(t, unix.Bind(raw, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
		self, err := unix.Getsockname(raw)
		require.NoError(t, err)
		if err := unix.Connect(raw, self); err != nil {
			require.Equal(t, unix.EINPROGRESS, err)
		}
		l.Register(fd)
		l.Await(fd, poller.Writable)
		peer, err := l.PeerAddr(fd)
		require.NoError(t, err, "the kernel did connect the socket to itself")
		local, err := l.LocalAddr(fd)
		require.NoError(t, err)
		require.Equal(t, local, peer)
		require.ErrorIs(t, l.ConnectResult(fd), unix.ECONNREFUSED, "ConnectResult of a connect to itself")
	})
}

func TestConnectResultOfAReadAnswerIsSuccess(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		listener, at := l.Server(pollertest.Loopback, poller.ListenOptions{})
		client, err := l.Connect(at, poller.SocketOptions{})
		require.NoError(t, err)
		l.Own(client)
		l.Register(client)
		server, _ := l.AcceptOne(listener)
		l.Send(server, []byte("hello"))
		l.Await(client, poller.Readable)
		require.NoError(t, l.ConnectResult(client), "ConnectResult with the answer there")
		require.Equal(t, "hello", string(l.Receive(client, 5)))
	})
}

func TestDualStackTakesIPv4(t *testing.T) {
	needIPv6(t)
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		for _, address := range []string{":0", "[::]:0"} {
			listener, at := l.Server(parse(t, "tcp", address), poller.ListenOptions{})
			for _, host := range []string{"127.0.0.1", "::1"} {
				client, err := l.Dial(withPort(t, host, at.Port()), poller.SocketOptions{})
				require.NoError(t, err, "connect over %s to a listener at %s", host, address)
				want, err := l.LocalAddr(client)
				require.NoError(t, err)
				server, peer := l.AcceptOne(listener)
				require.Equal(t, want, peer, "peer of the connection over %s, as Accept says", host)
				got, err := l.PeerAddr(server)
				require.NoError(t, err)
				require.Equal(t, want, got, "peer of the connection over %s, as PeerAddr says", host)
			}
		}
	})
}

func TestTCP6TakesNoIPv4(t *testing.T) {
	needIPv6(t)
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		for _, address := range []string{":0", "[::]:0"} {
			listener, at := l.Server(parse(t, "tcp6", address), poller.ListenOptions{})
			_, err := l.Dial(withPort(t, "127.0.0.1", at.Port()), poller.SocketOptions{})
			require.ErrorIs(t, err, unix.ECONNREFUSED, "connect over IPv4")
			_, err = l.Dial(withPort(t, "::1", at.Port()), poller.SocketOptions{})
			require.NoError(t, err, "connect over IPv6")
			l.AcceptOne(listener)
		}
	})
}

func TestReusePortSpreadsOverListeners(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		o := poller.ListenOptions{ReusePort: true}
		first, at := l.Server(pollertest.Loopback, o)
		second, _ := l.Server(at, o)
		counts := map[poller.FD]int{}
		for range 200 {
			_, err := l.Dial(at, poller.SocketOptions{})
			require.NoError(t, err)
			for _, listener := range []poller.FD{first, second} {
				if fd, _, err := l.Accept(listener); err == nil {
					l.Own(fd)
					counts[listener]++
				}
			}
		}
		require.Positive(t, counts[first], "connections of the first listener, of 200: %v", counts)
		require.Positive(t, counts[second], "connections of the second listener, of 200: %v", counts)

		_, err := l.Listen(at, poller.ListenOptions{})
		require.ErrorIs(t, err, unix.EADDRINUSE, "Listen without ReusePort beside them")
		_, err = l.Listen(poller.Addr{Path: pollertest.UnixPath(t)}, o)
		require.ErrorIs(t, err, errors.ErrUnsupported, "ReusePort on a Unix path")
	})
}

func TestOptionsReachTheKernel(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.PairAt(pollertest.Loopback, poller.ListenOptions{
			SocketOptions: poller.SocketOptions{KeepAliveIdle: 77, SendBuffer: 20_000, ReceiveBuffer: 30_000},
		})
		for _, fd := range []poller.FD{client, server} {
			for option, want := range map[poller.Option]int{poller.KeepAliveIdle: 77, poller.SendBuffer: 40_000, poller.ReceiveBuffer: 60_000} {
				got, err := l.Option(fd, option)
				require.NoError(t, err)
				require.Equal(t, want, got, "%v", option)
			}
		}
		require.NoError(t, l.SetOption(client, poller.KeepAliveIdle, 33))
		got, err := l.Option(client, poller.KeepAliveIdle)
		require.NoError(t, err)
		require.Equal(t, 33, got, "keep-alive after SetOption")
	})
}

func TestUnixPathOfAnythingButASocketIsKept(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		dir := filepath.Dir(pollertest.UnixPath(t))
		file, sub := filepath.Join(dir, "file"), filepath.Join(dir, "sub")
		require.NoError(t, os.WriteFile(file, []byte("precious"), 0o600))
		require.NoError(t, os.Mkdir(sub, 0o700))
		dead, at := l.Server(poller.Addr{Path: filepath.Join(dir, "dead")}, poller.ListenOptions{})
		require.NoError(t, l.CloseFD(dead))
		for name, target := range map[string]string{"to-file": file, "to-dir": sub, "to-dead": at.Path, "dangling": filepath.Join(dir, "none")} {
			require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
		}
		for _, name := range []string{"file", "sub", "to-file", "to-dir", "to-dead", "dangling"} {
			path := filepath.Join(dir, name)
			before, err := os.Lstat(path)
			require.NoError(t, err)
			_, err = l.Listen(poller.Addr{Path: path}, poller.ListenOptions{})
			require.ErrorIs(t, err, poller.ErrPathInUse, "Listen at %s", name)
			require.ErrorIs(t, err, unix.EADDRINUSE, "Listen at %s", name)
			after, err := os.Lstat(path)
			require.NoError(t, err, "%s after Listen", name)
			require.True(t, os.SameFile(before, after), "%s was replaced", name)
		}
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "precious", string(content))
		require.NoFileExists(t, filepath.Join(dir, "none"), "the target of a dangling link")
	})
}

func TestUnixPathOfABusyListenerIsKept(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		_, at := l.Server(poller.Addr{Path: pollertest.UnixPath(t)}, poller.ListenOptions{Backlog: 1})
		for {
			if _, err := l.Dial(at, poller.SocketOptions{}); err != nil {
				require.ErrorIs(t, err, poller.ErrBacklogFull)
				break
			}
		}
		_, err := l.Listen(at, poller.ListenOptions{})
		require.ErrorIs(t, err, poller.ErrPathInUse, "Listen beside a listener whose backlog is full")

		path := pollertest.UnixPath(t)
		datagrams, err := net.ListenPacket("unixgram", path)
		require.NoError(t, err)
		defer datagrams.Close()
		_, err = l.Listen(poller.Addr{Path: path}, poller.ListenOptions{})
		require.ErrorIs(t, err, poller.ErrPathInUse, "Listen at a datagram socket's path")
	})
}

func TestUnixAbstractNameWorks(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		name := fmt.Sprintf("@weft-poller-test-%d", os.Getpid())
		listener, at := l.Server(parse(t, "unix", name), poller.ListenOptions{})
		require.Equal(t, name, at.Path, "LocalAddr")
		require.NoFileExists(t, name)
		_, err := l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err)
		l.AcceptOne(listener)
		_, err = l.Listen(at, poller.ListenOptions{})
		require.ErrorIs(t, err, unix.EADDRINUSE, "second Listen")
		require.NoError(t, l.CloseFD(listener))
		l.Server(at, poller.ListenOptions{}) // the name went with its listener
	})
}
