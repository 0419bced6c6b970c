package poller_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
)

func TestRegularFilesAreRefused(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		for _, path := range []string{os.Args[0], t.TempDir()} {
			f, err := os.Open(path)
			require.NoError(t, err)
			err = l.Add(poller.FD(f.Fd()), poller.NewToken(1, 1))
			require.ErrorIs(t, err, unix.EPERM, "Add of %s", path)
			require.ErrorAs(t, err, new(*os.SyscallError), "Add of %s", path)
			require.NoError(t, f.Close())
		}
	})
}

func TestClosedDescriptorsAreRefused(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		_, server := l.Pair()
		require.NoError(t, l.CloseFD(server))
		require.ErrorIs(t, l.Add(server, poller.NewToken(1, 1)), unix.EBADF, "Add of a closed number")
	})
}

// everything opens one of each kind of descriptor.
func everything(t *testing.T, l *pollertest.Loop) {
	l.Pair()
	l.Server(pollertest.Loopback, poller.ListenOptions{})
	path := poller.Addr{Path: pollertest.UnixPath(t)}
	l.PairAt(path, poller.ListenOptions{})
	l.Server(poller.Addr{Path: pollertest.UnixPath(t)}, poller.ListenOptions{})
	_, at := l.Packet(pollertest.Loopback, poller.PacketOptions{})
	l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
	l.Packet(poller.Addr{Path: pollertest.UnixPath(t)}, poller.PacketOptions{})
}

func TestDescriptorsAreBornNonBlockingAndCloseOnExec(t *testing.T) {
	before := descriptors()
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		everything(t, l)
		opened := 0
		for _, d := range descriptors() {
			if slices.Contains(before, d) {
				continue
			}
			opened++
			number, target, _ := strings.Cut(d, " ")
			fd, err := strconv.Atoi(number)
			require.NoError(t, err)
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			require.NoError(t, err)
			require.NotZero(t, flags&unix.FD_CLOEXEC, "%s: close-on-exec", d)
			flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			require.NoError(t, err)
			if target != "anon_inode:[eventpoll]" { // which is never read
				require.NotZero(t, flags&unix.O_NONBLOCK, "%s: non-blocking", d)
			}
		}
		require.GreaterOrEqual(t, opened, 8, "descriptors that the test looked at")
	})
}

func TestChildProcessesInheritNoDescriptor(t *testing.T) {
	ofChild := func() []string {
		out, err := exec.Command("ls", "/proc/self/fd").Output()
		require.NoError(t, err, "list a child's descriptors")
		return strings.Fields(string(out))
	}
	before := ofChild()
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		everything(t, l)
		require.Equal(t, before, ofChild(), "descriptors of a child")
	})
}

func TestStormOfResetsReturnsEveryDescriptor(t *testing.T) {
	const connections, atOnce = 2000, 100
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		listener, at := l.Server(pollertest.Loopback, poller.ListenOptions{})
		base := len(descriptors())
		for range connections / atOnce {
			var servers []poller.FD
			for i := range atOnce {
				client, err := l.Dial(at, poller.SocketOptions{})
				require.NoError(t, err)
				if i%2 == 0 { // before it is accepted, or after
					require.NoError(t, l.Abort(client))
				}
				server, _ := l.AcceptOne(listener)
				servers = append(servers, server)
				if i%2 != 0 {
					require.NoError(t, l.Abort(client))
				}
			}
			for _, server := range servers {
				_, err := l.ReceiveAll(server)
				require.ErrorIs(t, err, unix.ECONNRESET)
				require.NoError(t, l.CloseFD(server))
			}
		}
		require.Len(t, descriptors(), base, "descriptors after %d resets", connections)
		l.Settle()
		l.Sleeps()
	})
}

func TestFailedCallsLeaveNoDescriptor(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		_, tcp := l.Server(pollertest.Loopback, poller.ListenOptions{})
		_, local := l.Server(poller.Addr{Path: pollertest.UnixPath(t)}, poller.ListenOptions{})
		addr := func(network, address string) poller.Addr {
			a, err := poller.ParseAddr(network, address)
			require.NoError(t, err)
			return a
		}
		dir := t.TempDir()
		base := descriptors()
		for _, at := range []poller.Addr{tcp, local, {}, addr("tcp", "192.0.2.1:0"), {Path: dir}, {Path: strings.Repeat("x", 200)},
			{Path: filepath.Join(dir, "no/such/dir")}, addr("tcp", "[fe80::1%nosuch]:0")} {
			fd, err := l.Listen(at, poller.ListenOptions{})
			require.Error(t, err, "Listen at %v", at)
			require.Equal(t, poller.NoFD, fd, "Listen at %v", at)
		}
		for _, to := range []poller.Addr{{}, addr("tcp", "255.255.255.255:1"), {Path: dir}, {Path: filepath.Join(dir, "none")},
			{Path: strings.Repeat("x", 200)}, addr("tcp", "[fe80::1%nosuch]:1")} {
			fd, err := l.Connect(to, poller.SocketOptions{})
			require.Error(t, err, "Connect to %v", to)
			require.Equal(t, poller.NoFD, fd, "Connect to %v", to)
		}
		for _, at := range []poller.Addr{local, {}, addr("tcp", "192.0.2.1:0"), {Path: dir}, {Path: strings.Repeat("x", 200)}, addr("tcp", "[fe80::1%nosuch]:0")} {
			_, err := l.ListenPacket(at, poller.PacketOptions{})
			require.Error(t, err, "ListenPacket at %v", at)
			if at != (poller.Addr{}) {
				_, err = l.ConnectPacket(at, addr("tcp", "127.0.0.1:1"), poller.PacketOptions{})
				require.Error(t, err, "ConnectPacket from %v", at)
			}
		}
		for _, to := range []poller.Addr{{}, local, {Path: dir}, {Path: strings.Repeat("x", 200)}, addr("tcp", "[fe80::1%nosuch]:1")} {
			_, err := l.ConnectPacket(poller.Addr{}, to, poller.PacketOptions{})
			require.Error(t, err, "ConnectPacket to %v", to)
		}
		_, err := l.Connect(tcp, poller.SocketOptions{KeepAliveIdle: 1 << 30})
		require.ErrorIs(t, err, unix.EINVAL, "Connect with an option that the kernel refuses")
		require.NotContains(t, err.Error(), "connect", "the call that failed was setsockopt")
		require.Equal(t, base, descriptors(), "descriptors after calls that failed")
	})
}

// Quirk(linux): the registration belongs to the open file. The token is what
// keeps its events from the number's next owner.
func TestDuplicateKeepsTheOldToken(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.Pair()
		old := poller.NewToken(7, 7)
		require.NoError(t, l.Remove(server))
		require.NoError(t, l.Add(server, old))
		duplicate, err := unix.FcntlInt(uintptr(server), unix.F_DUPFD_CLOEXEC, 0)
		require.NoError(t, err)
		defer unix.Close(duplicate)
		l.Settle()
		require.NoError(t, l.CloseFD(server))
		next := l.Own(poller.FD(duplicate))
		token := l.Register(next)
		require.NotEqual(t, old, token)
		l.Send(client, []byte("x"))
		l.Await(next, poller.Readable) // whatever also came under the old token
	})
}

// inChild runs the calling test in a process of its own, and reports whether
// this is it.
func inChild(t *testing.T) bool {
	t.Helper()
	if os.Getenv("WEFT_POLLER_CHILD") == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), "WEFT_POLLER_CHILD="+t.Name())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "the test in its own process said:\n%s", out)
	return false
}

// limitDescriptors leaves this process room for a few more.
func limitDescriptors(t *testing.T, more int) {
	t.Helper()
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	highest := 0
	for _, d := range descriptors() {
		number, _, _ := strings.Cut(d, " ")
		fd, err := strconv.Atoi(number)
		require.NoError(t, err)
		highest = max(highest, fd)
	}
	lowered := limit
	lowered.Cur = uint64(highest + 1 + more)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &lowered))
	t.Cleanup(func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) })
}

// exhaust takes all descriptors that are left.
func exhaust(t *testing.T) (taken []int) {
	t.Helper()
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			require.Equal(t, unix.EMFILE, err)
			return taken
		}
		taken = append(taken, fd)
	}
}

func TestAcceptSurvivesEMFILE(t *testing.T) {
	if !inChild(t) {
		return
	}
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.Pair()
		listener, at := l.Server(pollertest.Loopback, poller.ListenOptions{})
		const waiting = 3
		for range waiting {
			_, err := l.Dial(at, poller.SocketOptions{})
			require.NoError(t, err)
		}
		l.Await(listener, poller.Readable)
		l.Settle()
		limitDescriptors(t, 5)
		taken := exhaust(t)

		for range 3 {
			_, _, err := l.Accept(listener)
			require.ErrorIs(t, err, poller.ErrTooManyFiles, "Accept without a free descriptor")
			require.ErrorIs(t, err, unix.EMFILE, "Accept without a free descriptor")
		}
		l.Sleeps()
		l.Send(client, []byte("x"))
		require.Equal(t, "x", string(l.Receive(server, 1)), "other connections are served")

		// No event tells that descriptors are free: the caller tries again.
		unix.Close(taken[0])
		l.AcceptOne(listener)
		_, _, err := l.Accept(listener)
		require.ErrorIs(t, err, poller.ErrTooManyFiles, "Accept after the only free descriptor was taken")
		for _, fd := range taken[1:] {
			unix.Close(fd)
		}
		for range waiting - 1 {
			l.AcceptOne(listener)
		}
		_, _, err = l.Accept(listener)
		require.Equal(t, poller.ErrWouldBlock, err, "Accept after all were taken")
	})
}

func TestOpenWithoutDescriptorsLeavesNone(t *testing.T) {
	if !inChild(t) {
		return
	}
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			limitDescriptors(t, 5)
			taken := exhaust(t)
			for _, fd := range taken {
				_, err := b.open(poller.Config{})
				if err == nil {
					t.Fatal("Open with too few descriptors: got none, want EMFILE")
				}
				require.ErrorIs(t, err, unix.EMFILE, "Open with too few descriptors")
				require.ErrorAs(t, err, new(*os.SyscallError))
				unix.Close(fd)
				if fd == taken[1] {
					break // enough for all that a backend needs
				}
			}
			os, err := b.open(poller.Config{})
			require.NoError(t, err, "Open with two free descriptors")
			require.NoError(t, os.Close())
			for _, fd := range taken[2:] {
				unix.Close(fd)
			}
		})
	}
}

// descriptors are the open ones: their numbers and what they are.
func descriptors() []string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var open []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open = append(open, e.Name()+" "+target)
		}
	}
	return open
}
