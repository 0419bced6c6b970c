//go:build linux

package prefork

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKilledWorkerUnderLoadEndsItsOwnConnectionsOnly(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s, Workers: 3})
		victim := r.dial().say("hello").PID
		var clients []*client
		for range 60 {
			c := r.dial()
			c.say("hello")
			clients = append(clients, c)
		}
		l := &load{}
		var mu sync.Mutex
		var lost []int
		for _, c := range clients {
			l.all.Go(func() {
				last := 0
				for n := 2; !l.stop.Load(); n++ {
					a, err := say(c.Conn, c.in, "hello")
					if err != nil {
						mu.Lock()
						lost = append(lost, last)
						mu.Unlock()
						return
					}
					last = a.PID
					l.requests.Add(1)
				}
			})
		}
		l.more(r, 500)
		require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
		for range 50 { // the port never refuses
			c, err := dial(r.addr)
			require.NoError(t, err)
			c.Close()
		}
		r.waitFor("prefork: ended", "pid", victim)
		r.waitFor("prefork: serving")
		l.more(r, 500)
		l.stop.Store(true)
		l.all.Wait()
		for _, pid := range lost {
			require.Equal(t, victim, pid, "the process of a connection that was lost")
		}
		require.Less(t, len(lost), 60)
		require.Equal(t, 1, r.dial().say("hello").N)
		r.signal(syscall.SIGTERM)
		require.Equal(t, 0, r.waitEnd())
	})
}

func TestMasterRefusesAnAddressInUse(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		first := start(t, program{Spread: s})
		second := launch(t, program{Network: "tcp", Addr: first.addr, Spread: s}, "")
		l := second.waitFor("program ended")
		require.Contains(t, l["error"], "address already in use")
		require.Equal(t, 1, second.waitEnd())
		first.dial().say("hello")
		first.signal(syscall.SIGTERM)
		require.Equal(t, 0, first.waitEnd())
	})
}

// socketPath is short, which a socket's path has to be.
func socketPath(t *testing.T) string {
	dir, err := os.MkdirTemp("", "weft")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func TestMasterTakesOverAStaleUnixSocket(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		path := socketPath(t)
		stale, err := net.Listen("unix", path)
		require.NoError(t, err)
		stale.(*net.UnixListener).SetUnlinkOnClose(false)
		stale.Close()
		p := program{Network: "unix", Addr: path, Spread: s}
		r := start(t, p)
		c := r.dial()
		c.say("hello")

		second := launch(t, p, "")
		require.Contains(t, second.waitFor("program ended")["error"], "path is in use")
		require.Equal(t, 1, second.waitEnd())

		// The path lives through reloads and upgrades, and goes with the last master.
		r.signal(syscall.SIGHUP)
		r.waitFor("prefork: reloaded")
		r.signal(syscall.SIGUSR2)
		l := r.waitFor("prefork: upgraded")
		require.Equal(t, 0, r.waitEnd())
		require.Equal(t, 1, r.dial().say("hello").N)
		require.Equal(t, 2, c.say("hello").N)
		require.NoError(t, syscall.Kill(int(l["successor"].(float64)), syscall.SIGTERM))
		r.waitGone()
		require.NoFileExists(t, path)
	})
}

func TestMasterNeedsTheRightToBind(t *testing.T) {
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err != nil || strings.TrimSpace(string(text)) == "0" {
		t.Skip("everybody may bind every port here")
	}
	r := launch(t, program{Network: "tcp", Addr: "127.0.0.1:1", Nobody: true}, "")
	require.Contains(t, r.waitFor("program ended")["error"], "permission denied")
	require.Equal(t, 1, r.waitEnd())
}

// extra gives the program descriptors from 3 on, as systemd does.
func extra(names string, files ...*os.File) func(*exec.Cmd) {
	return func(cmd *exec.Cmd) {
		cmd.ExtraFiles = files
		cmd.Env = append(cmd.Env, "LISTEN_FDS="+strconv.Itoa(len(files)), "LISTEN_FDNAMES="+names, "PROGRAM="+cmd.Path)
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", `LISTEN_PID=$$ exec "$PROGRAM"`}
	}
}

func TestMasterRefusesADescriptorThatIsNoListener(t *testing.T) {
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	r := launch(t, program{}, "", extra("", file))
	require.Contains(t, r.waitFor("program ended")["error"], ErrNotListener.Error())
	require.Equal(t, 1, r.waitEnd())
}

func TestMasterUsesTheSocketsOfSystemd(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		file, err := ln.(*net.TCPListener).File()
		require.NoError(t, err)
		defer file.Close()
		notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socketPath(t), Net: "unixgram"})
		require.NoError(t, err)
		defer notify.Close()
		told := func() string {
			b := make([]byte, 1000)
			n, err := notify.Read(b)
			require.NoError(t, err)
			return string(b[:n])
		}

		r := launch(t, program{Network: "tcp", Addr: ln.Addr().String(), Spread: s}, "", extra("web", file), func(cmd *exec.Cmd) {
			cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+notify.LocalAddr().String())
		})
		r.addr = r.waitFor("prefork: all workers serve")["addrs"].([]any)[0].(string)
		require.Equal(t, ln.Addr().String(), r.addr)
		pid := r.cmd.Process.Pid
		require.Equal(t, "READY=1\nMAINPID="+strconv.Itoa(pid), told())
		c := r.dial()
		c.say("hello")
		r.signal(syscall.SIGHUP)
		require.Regexp(t, `^RELOADING=1\nMONOTONIC_USEC=\d+$`, told())
		require.Equal(t, "READY=1", told())
		r.signal(syscall.SIGUSR2)
		successor := strconv.Itoa(int(r.waitFor("prefork: upgraded")["successor"].(float64)))
		require.Equal(t, "READY=1\nMAINPID="+successor, told())
		require.Equal(t, "MAINPID="+successor+"\nREADY=1", told())
		require.Equal(t, 0, r.waitEnd())
		require.Equal(t, 2, c.say("hello").N)
		n, _ := strconv.Atoi(successor)
		require.NoError(t, syscall.Kill(n, syscall.SIGTERM))
		require.Equal(t, "STOPPING=1", told())
		r.waitGone()
	})
}

func TestMasterFeedsTheWatchdogOfSystemd(t *testing.T) {
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socketPath(t), Net: "unixgram"})
	require.NoError(t, err)
	defer notify.Close()
	r := launch(t, program{}, "", func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+notify.LocalAddr().String(), "WATCHDOG_USEC=20000")
	})
	b := make([]byte, 1000)
	for dogs := 0; dogs < 3; {
		n, err := notify.Read(b)
		require.NoError(t, err)
		if string(b[:n]) == "WATCHDOG=1" {
			dogs++
		}
	}
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
}

func TestServerOutgrowsTheDescriptorLimitOfAProcess(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s, Workers: 3, Descriptors: 64})
		// More connections than there is room for: those over it wait.
		var all sync.WaitGroup
		failed := make(chan error, 300)
		for range 300 {
			all.Go(func() {
				c, err := dial(r.addr)
				if err == nil {
					defer c.Close()
					_, err = say(c, bufio.NewReader(c), "hello")
				}
				failed <- err
			})
		}
		all.Wait()
		close(failed)
		for err := range failed {
			require.NoError(t, err)
		}
		// Many that stay, over a reload, for which processes have to be started.
		var clients []*client
		for range 60 {
			c := r.dial()
			c.say("hello")
			clients = append(clients, c)
		}
		r.signal(syscall.SIGHUP)
		r.waitFor("prefork: reloaded")
		for range 3 {
			r.waitFor("prefork: ended", "why", "drained")
		}
		for _, c := range clients {
			require.Equal(t, 2, c.say("hello").N)
		}
		r.signal(syscall.SIGTERM)
		require.Equal(t, 0, r.waitEnd())
	})
}
