//go:build linux

package prefork

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModelsServeTheSameHandler(t *testing.T) {
	for i := range modelNames {
		model := Model(i)
		t.Run(model.String(), func(t *testing.T) {
			for _, network := range []string{"tcp", "unix"} {
				p := program{Model: model, Workers: 2, Loops: 2, Network: network, Addr: "127.0.0.1:0"}
				if network == "unix" {
					p.Addr = socketPath(t)
				}
				r := start(t, p)
				processes := map[int]bool{}
				var clients []*client
				for i := range 20 {
					c := r.dial()
					processes[c.say(fmt.Sprint("hello ", i)).PID] = true
					clients = append(clients, c)
				}
				for _, c := range clients {
					require.Equal(t, 2, c.say("hello").N)
				}
				switch model {
				case ModelSingle, ModelLoops:
					require.Equal(t, map[int]bool{r.cmd.Process.Pid: true}, processes)
				case ModelPerConn:
					require.Len(t, processes, 20)
				default:
					require.NotContains(t, processes, r.cmd.Process.Pid)
				}
				r.signal(syscall.SIGQUIT)
				require.Equal(t, 3, clients[0].say("hello").N, "while it drains")
				for _, c := range clients {
					c.Close()
				}
				require.Equal(t, 0, r.waitEnd())
				r.waitGone()
				if network == "unix" {
					require.NoFileExists(t, p.Addr)
				}
			}
		})
	}
}

func TestModelSpreadsOverTheLoopsOfAProcess(t *testing.T) {
	for _, s := range []Spread{SpreadShared, SpreadReusePort} {
		r := start(t, program{Model: ModelLoops, Loops: 3, Spread: s})
		for range 20 {
			require.Equal(t, 1, r.dial().say("hello").N)
		}
		r.signal(syscall.SIGTERM)
		require.Equal(t, 0, r.waitEnd())
	}
}

func TestModelHandsOutEvenly(t *testing.T) {
	r := start(t, program{Workers: 4, Spread: SpreadLeastConns})
	perProcess := map[int]int{}
	for range 100 {
		perProcess[r.dial().say("hello").PID]++
	}
	require.Len(t, perProcess, 4)
	for pid, n := range perProcess {
		require.Equal(t, 25, n, "connections of process %d", pid)
	}
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
}

func TestModelPerConnHasALimitOfProcesses(t *testing.T) {
	r := start(t, program{Model: ModelPerConn, MaxProcesses: 6})
	var clients []*client
	for range 6 {
		c := r.dial()
		c.say("hello")
		clients = append(clients, c)
	}
	waiting := r.dial() // in the kernel's queue
	_, err := fmt.Fprintln(waiting, "hello")
	require.NoError(t, err)
	clients[0].Close()
	line, err := waiting.in.ReadString('\n')
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(line, "1 "), line)

	// A reload leaves the connections to their processes.
	pid := clients[1].say("hello").PID
	r.signal(syscall.SIGHUP)
	r.waitFor("prefork: reloaded")
	require.Equal(t, pid, clients[1].say("hello").PID)
	r.signal(syscall.SIGTERM)
	require.Equal(t, 0, r.waitEnd())
	r.waitGone()
}

func TestModelNamesCanBeParsed(t *testing.T) {
	for i, name := range modelNames {
		m, err := ParseModel(name)
		require.NoError(t, err)
		require.Equal(t, Model(i), m)
	}
	_, err := ParseModel("threads")
	require.ErrorContains(t, err, `unknown model "threads"; there are: [prefork`)
}

func TestInWorkerTellsProcessesApart(t *testing.T) {
	require.False(t, InWorker())
	require.Empty(t, os.Getenv(variable))
	t.Setenv(variable, `{"Role":"worker"}`)
	require.True(t, InWorker())
	t.Setenv(variable, `{"Role":"successor"}`)
	require.False(t, InWorker())
	t.Setenv(variable, `{"Role":"cook"}`)
	_, err := readInherited()
	require.ErrorIs(t, err, errInherited)
	t.Setenv(variable, `{`)
	_, err = readInherited()
	require.ErrorIs(t, err, errInherited)
}
