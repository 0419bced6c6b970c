//go:build linux

package prefork

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// spreads runs a test with every way in which connections come to workers.
func spreads(t *testing.T, test func(t *testing.T, s Spread)) {
	for _, s := range []Spread{SpreadShared, SpreadReusePort, SpreadLeastConns} {
		t.Run(s.String(), func(t *testing.T) { test(t, s) })
	}
}

func TestMasterServesByWorkersAndNotItself(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s})
		c := r.dial()
		require.Equal(t, 1, c.say("hello").N)
		a := c.say("hello again")
		require.Equal(t, 2, a.N)
		require.NotEqual(t, r.cmd.Process.Pid, a.PID)
		require.Equal(t, "8 <nil>", c.say("ask").Line, "a worker's request to the master")
		r.signal(syscall.SIGTERM)
		require.Equal(t, 0, r.waitEnd())
		r.waitGone()
	})
}

func TestMasterReplacesAKilledWorker(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s})
		var own, other *client
		first := r.dial()
		pid := first.say("hello").PID
		for own == nil || other == nil { // one on each worker, whichever way they are spread
			c := r.dial()
			if c.say("hello").PID == pid {
				own = c
			} else {
				other = c
			}
		}
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		// Only its own connections end.
		_, err := own.in.ReadByte()
		require.Error(t, err)
		r.waitFor("prefork: ended", "pid", pid, "why", "crashed", "exit", "signal: killed")
		require.Equal(t, 2, other.say("hello").N)
		r.waitFor("prefork: serving")
		require.Equal(t, 1, r.dial().say("hello").N, "a new connection")
		r.signal(syscall.SIGTERM)
		require.Equal(t, 0, r.waitEnd())
	})
}

func TestWorkersDieWithTheirMaster(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s, Workers: 3})
		c := r.dial()
		c.say("hello")
		require.NoError(t, r.cmd.Process.Kill())
		r.waitGone()
		_, err := c.in.ReadByte()
		require.Error(t, err)
	})
}

func TestMasterGivesUpWhenWorkersKeepFailing(t *testing.T) {
	crash := filepath.Join(t.TempDir(), "crash")
	require.NoError(t, os.WriteFile(crash, nil, 0o600))
	r := launch(t, program{CrashFile: crash, Workers: 1, Limit: 4}, "")
	l := r.waitFor("program ended", "pid", r.cmd.Process.Pid)
	require.Contains(t, l["error"], "a worker keeps ending: 4 times within 10s of its start; the last time: told to fail (exit status 1)")
	require.Equal(t, 1, r.waitEnd())
	require.Equal(t, 4, r.said("prefork: started"))
	require.Equal(t, 2, r.said("prefork: will start the worker again"), "the first time is at once")
	r.waitGone()
}

func TestMasterReplacesAWorkerThatHangs(t *testing.T) {
	for what, hang := range map[string]func(*client, int){
		"a handler that never returns": func(c *client, _ int) { fmt.Fprintln(c, "hang") },
		"a process that is stopped":    func(_ *client, pid int) { _ = syscall.Kill(pid, syscall.SIGSTOP) },
	} {
		t.Run(what, func(t *testing.T) {
			r := start(t, program{Hang: 400_000_000, Workers: 1})
			c := r.dial()
			pid := c.say("hello").PID
			hang(c, pid)
			r.waitFor("prefork: no heartbeat", "pid", pid)
			r.waitFor("prefork: ended", "pid", pid, "why", "hung")
			r.waitFor("prefork: serving")
			require.NotEqual(t, pid, r.dial().say("hello").PID)
			r.signal(syscall.SIGTERM)
			require.Equal(t, 0, r.waitEnd())
		})
	}
}

func TestMasterQuitsWhenConnectionsHaveEnded(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s})
		c := r.dial()
		c.say("hello")
		r.signal(syscall.SIGQUIT)
		r.waitFor("prefork: ended", "why", "drained") // the worker without connections
		require.Equal(t, 2, c.say("hello").N, "the other one goes on")
		c.Close()
		require.Equal(t, 0, r.waitEnd())
		r.waitGone()
	})
}

func TestMasterCutsOffWhatDoesNotEndInTime(t *testing.T) {
	r := start(t, program{Drain: 50_000_000})
	c := r.dial()
	c.say("hello")
	r.signal(syscall.SIGQUIT)
	_, err := c.in.ReadByte()
	require.Error(t, err)
	c.Close()
	require.Equal(t, 0, r.waitEnd())
	r.waitGone()
}

func TestMasterChangesTheNumberOfWorkers(t *testing.T) {
	spreads(t, func(t *testing.T, s Spread) {
		r := start(t, program{Spread: s, Workers: 1})
		c := r.dial()
		first := c.say("hello").PID
		r.signal(syscall.SIGTTIN)
		if s == SpreadReusePort {
			r.waitFor("prefork: reloaded", "workers", 2)
		} else {
			r.waitFor("prefork: serving", "worker", 1)
		}
		r.signal(syscall.SIGTTOU)
		if s == SpreadReusePort {
			r.waitFor("prefork: reloaded", "workers", 1)
			r.waitFor("prefork: ended", "why", "drained")
		} else {
			r.waitFor("prefork: ended", "worker", 1, "why", "drained")
			require.Equal(t, first, c.say("hello").PID)
		}
		r.signal(syscall.SIGTTOU)
		r.waitFor("prefork: cannot have so many workers", "workers", 0)
		c.say("hello")
		r.dial().say("hello")
		r.signal(syscall.SIGTERM)
		require.Equal(t, 0, r.waitEnd())
	})
}

func TestMasterExchangesMessagesWithItsWorkers(t *testing.T) {
	r := start(t, program{Workers: 2})
	for range 2 {
		l := r.waitFor("asked")
		require.Equal(t, "42", fmt.Sprint(l["answer"]))
		require.Equal(t, "<nil>", l["error"])
		require.Contains(t, l["refused"], "negative")
		require.Contains(t, l["unknown"], `there is no handler for "triple"`)
		require.Equal(t, ErrMessageSize.Error(), l["long"])
	}
	r.rewind()
	r.waitFor("told", "text", "to all", "slot", 0)
	r.rewind()
	r.waitFor("told", "text", "to all", "slot", 1)
	r.rewind()
	l := r.waitFor("snapshot")
	require.Equal(t, "<nil>", l["error"])
	require.Equal(t, "2", fmt.Sprint(l["workers"]))
	require.Equal(t, "serving", l["phase"])
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
}
