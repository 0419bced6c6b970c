package measure

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/require"
)

func TestCallsAreCountedOfAllThreads(t *testing.T) {
	c, err := OpenCalls(os.Getpid())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("system calls cannot be counted here (root, and the trace file system, are needed): ", err)
	}
	require.NoError(t, err)
	defer c.Close()
	const calls = 5000
	before, err := c.Count()
	require.NoError(t, err)
	for range calls {
		_ = syscall.Getppid()
	}
	after, err := c.Count()
	require.NoError(t, err)
	require.GreaterOrEqual(t, after-before, uint64(calls))
}

func TestUsageHasTheChildrenThatEnded(t *testing.T) {
	before, err := OfProcess(os.Getpid())
	require.NoError(t, err)
	// A shell that counts for a while: some ticks of CPU time.
	busy := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
	require.NoError(t, busy.Run())
	after, err := OfProcess(os.Getpid())
	require.NoError(t, err)
	used := busy.ProcessState.UserTime() + busy.ProcessState.SystemTime()
	require.GreaterOrEqual(t, after.Sub(before).CPU, used-2*userTick)
}

func TestMachineCountsWhatProgramsDo(t *testing.T) {
	before, err := OfMachine(nil)
	require.NoError(t, err)
	require.Positive(t, before.Kernel)
	for after := before; after.Busy == before.Busy; {
		after, err = OfMachine(nil)
		require.NoError(t, err)
	}
	one, err := OfMachine([]int{0})
	require.NoError(t, err)
	all, err := OfMachine(nil)
	require.NoError(t, err)
	require.LessOrEqual(t, one.Busy, all.Busy)
}

func TestSocketOptionsAreTheKernels(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	server, err := ln.Accept()
	require.NoError(t, err)
	defer server.Close()
	options, err := SocketOptions(os.Getpid())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("descriptors of other processes cannot be had here: ", err)
	}
	require.NoError(t, err)
	require.Equal(t, "1", options["TCP_NODELAY"])
	require.NotEmpty(t, options["TCP_CONGESTION"])
	require.NotEmpty(t, options["SO_RCVBUF"])
}

func TestSettingsAreRead(t *testing.T) {
	t.Setenv("GOGC", "77")
	require.Equal(t, "77", Environment()["GOGC"])
	require.NotEmpty(t, Sysctls()["net.ipv4.tcp_congestion_control"])
}

func TestKernelMemoryIsNotThatOfLooking(t *testing.T) {
	fs, err := procfs.NewDefaultFS()
	require.NoError(t, err)
	if _, err := fs.SlabInfo(); err != nil {
		t.Skip("/proc/slabinfo is root's: ", err)
	}
	before, looks := lookedAt(fs), 0
	for range 20 {
		child := exec.Command("cat") // it waits for its input
		input, err := child.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		defer func() {
			require.NoError(t, input.Close())
			require.NoError(t, child.Wait())
		}()
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/*", child.Process.Pid))
		require.NoError(t, err)
		for _, file := range files {
			_, err := os.Stat(file)
			if err == nil {
				looks++
			}
		}
	}
	const least = 500 // bytes of an inode and an entry
	require.Greater(t, lookedAt(fs), before+int64(looks)*least/2, "after %d looks; room for inodes that were there may be used again", looks)
}
