//go:build linux

package prefork

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// pause lets others run.
func pause() { runtime.Gosched() }

func TestReloadLosesNothing(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		config := filepath.Join(t.TempDir(), "config")
		require.NoError(t, os.WriteFile(config, []byte("one"), 0o600))
		r := start(t, program{Spread: s, ConfigFile: config, Drain: 10_000_000_000})
		c := r.dial()
		require.Equal(t, "one", c.say("hello").Config)
		l := startLoad(r, 40)
		require.NoError(t, os.WriteFile(config, []byte("two"), 0o600))
		for range 3 {
			l.more(r, 200)
			r.signal(syscall.SIGHUP)
			r.waitFor("prefork: reloaded")
			r.waitFor("prefork: ended", "why", "drained")
			r.waitFor("prefork: ended", "why", "drained")
		}
		l.more(r, 200)
		l.end(t)
		a := c.say("hello")
		require.Equal(t, 2, a.N, "a connection that was idle over three reloads")
		require.Equal(t, "two", a.Config)
		require.Equal(t, 4, a.Generation)
		r.signal(syscall.SIGTERM)
		require.Equal(t, 0, r.waitEnd())
		r.waitGone()
	})
}

func TestReloadRefusesABrokenConfiguration(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(config, []byte("one"), 0o600))
	r := start(t, program{ConfigFile: config})
	require.NoError(t, os.WriteFile(config, []byte("broken"), 0o600))
	r.signal(syscall.SIGHUP)
	r.waitFor("prefork: reload refused, the workers go on as they are")
	require.Equal(t, "one", r.dial().say("hello").Config)
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
}

func TestReloadGoesBackWhenNewWorkersFail(t *testing.T) {
	crash := filepath.Join(t.TempDir(), "crash")
	r := start(t, program{CrashFile: crash})
	c := r.dial()
	pid := c.say("hello").PID
	require.NoError(t, os.WriteFile(crash, nil, 0o600))
	r.signal(syscall.SIGHUP)
	r.waitFor("prefork: reload failed, the old workers go on")
	require.Equal(t, pid, c.say("hello").PID)
	require.NoError(t, os.Remove(crash))
	r.signal(syscall.SIGHUP)
	r.waitFor("prefork: reloaded")
	r.waitFor("prefork: ended", "pid", pid, "why", "drained")
	require.Equal(t, 3, c.say("hello").N)
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
}

func TestReloadLeavesConnectionsThatCannotMove(t *testing.T) {
	r := start(t, program{Immovable: true})
	c := r.dial()
	pid := c.say("hello").PID
	r.signal(syscall.SIGHUP)
	r.waitFor("prefork: reloaded")
	require.Equal(t, pid, c.say("hello").PID)
	// The old worker is being told to stop accepting, and may take another one
	// or two on which it is found out.
	for other := r.dial(); other.say("hello").PID == pid; other = r.dial() {
		other.Close()
	}
	c.Close()
	r.waitFor("prefork: ended", "pid", pid, "why", "drained")
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
}

func TestReloadTakesHalfARequestAlong(t *testing.T) {
	r := start(t, program{})
	c := r.dial()
	pid := c.say("hello").PID
	_, err := io.WriteString(c, "hello in ")
	require.NoError(t, err)
	r.signal(syscall.SIGHUP)
	r.waitFor("prefork: ended", "pid", pid, "why", "drained")
	a := c.say("two parts")
	require.Equal(t, "hello in two parts", a.Line)
	require.Equal(t, 2, a.N)
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
}

func TestRetiredWorkersComeBackWithAReload(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s})
		r.signal(syscall.SIGWINCH)
		r.waitFor("prefork: ended", "why", "drained")
		r.waitFor("prefork: ended", "why", "drained")
		waiting := r.dial() // nobody is there, and nobody is refused
		r.signal(syscall.SIGHUP)
		r.waitFor("prefork: reloaded")
		require.Equal(t, 1, waiting.say("hello").N)
		r.signal(syscall.SIGTERM)
		require.Equal(t, 0, r.waitEnd())
	})
}

func TestUpgradeLosesNothing(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		pidFile := filepath.Join(t.TempDir(), "pid")
		r := start(t, program{Spread: s, PIDFile: pidFile, Drain: 10_000_000_000})
		c := r.dial()
		first := c.say("hello").PID
		l := startLoad(r, 40)
		master := r.cmd.Process.Pid
		for range 3 {
			l.more(r, 200)
			require.Equal(t, master, readPID(t, pidFile))
			require.NoError(t, syscall.Kill(master, syscall.SIGUSR2))
			successor := r.waitFor("prefork: upgraded", "pid", master)
			r.waitFor("prefork: every worker has ended", "pid", int(successor["successor"].(float64)))
			master = int(successor["successor"].(float64))
		}
		require.Equal(t, 0, r.waitEnd(), "the first master")
		l.more(r, 200)
		l.end(t)
		a := c.say("hello")
		require.Equal(t, 2, a.N, "a connection that was idle over three upgrades")
		require.NotEqual(t, first, a.PID)
		require.NoError(t, syscall.Kill(master, syscall.SIGTERM))
		r.waitGone()
		require.NoFileExists(t, pidFile)
	})
}

func readPID(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	pid := 0
	for _, b := range text {
		if b >= '0' && b <= '9' {
			pid = 10*pid + int(b-'0')
		}
	}
	return pid
}

// install makes path this test's program, by a link: a copy could not be started
// while another goroutine starts a process, which then has it open for writing.
func install(t *testing.T, path string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	_ = os.Remove(path)
	require.NoError(t, os.Symlink(self, path))
}

func TestUpgradeThatFailsLeavesTheOldProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server")
	for what, replace := range map[string]func(){
		"no program":             func() { require.NoError(t, os.Remove(path)) },
		"no executable":          func() { _ = os.Remove(path); require.NoError(t, os.WriteFile(path, []byte("text"), 0o600)) },
		"a program of no format": func() { _ = os.Remove(path); require.NoError(t, os.WriteFile(path, []byte("text"), 0o700)) },
		"a program that fails": func() {
			_ = os.Remove(path)
			require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\nexit 5\n"), 0o700))
		},
	} {
		t.Run(what, func(t *testing.T) {
			install(t, path)
			r := launch(t, program{}, path)
			r.addr = r.waitFor("prefork: all workers serve")["addrs"].([]any)[0].(string)
			c := r.dial()
			pid := c.say("hello").PID
			replace()
			r.signal(syscall.SIGUSR2)
			r.waitFor("prefork: upgrade failed, the old program goes on")
			require.Equal(t, 2, c.say("hello").N)
			// A worker that ends now is replaced by its own program.
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			r.waitFor("prefork: ended", "pid", pid)
			r.waitFor("prefork: serving")
			require.Equal(t, 1, r.dial().say("hello").N)
			r.signal(syscall.SIGTERM)
			require.Equal(t, 0, r.waitEnd())
			r.waitGone()
		})
	}
}

func TestUpgradeGoesBackWhenTheSuccessorsWorkersFail(t *testing.T) {
	crash := filepath.Join(t.TempDir(), "crash")
	r := start(t, program{CrashFile: crash})
	c := r.dial()
	c.say("hello")
	require.NoError(t, os.WriteFile(crash, nil, 0o600))
	r.signal(syscall.SIGUSR2)
	l := r.waitFor("prefork: upgrade failed, the old program goes on")
	require.Contains(t, l["error"], "exit status 1")
	require.Equal(t, 2, c.say("hello").N)
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
	r.waitGone()
}

func TestUpgradeCanKeepTheOldMasterAsNginxDoes(t *testing.T) {
	r := start(t, program{Keep: true})
	c := r.dial()
	pid := c.say("hello").PID
	r.signal(syscall.SIGUSR2)
	l := r.waitFor("prefork: upgraded")
	require.Equal(t, pid, c.say("hello").PID, "both serve")
	r.signal(syscall.SIGWINCH) // retire the old workers
	r.waitFor("prefork: ended", "pid", pid, "why", "drained")
	require.Equal(t, 3, c.say("hello").N)
	r.signal(syscall.SIGQUIT)
	require.Equal(t, 0, r.waitEnd())
	require.Equal(t, 4, c.say("hello").N)
	require.NoError(t, syscall.Kill(int(l["successor"].(float64)), syscall.SIGTERM))
	r.waitGone()
}
