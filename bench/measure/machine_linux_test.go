package measure

import (
	"errors"
	"fmt"
	iofs "io/fs"
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
	before := lookedAt(fs)
	// The kernel first fills the room of inodes that have gone, and then makes more.
	const processes = 100
	for i := 0; lookedAt(fs) <= before; i++ {
		require.Less(t, i, processes, "looking at all files of so many processes makes no difference")
		child := exec.Command("cat") // it waits for its input
		input, err := child.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		defer func() {
			require.NoError(t, input.Close())
			require.NoError(t, child.Wait())
		}()
		require.NoError(t, filepath.WalkDir(fmt.Sprintf("/proc/%d", child.Process.Pid), func(file string, _ iofs.DirEntry, err error) error {
			if err != nil {
				return iofs.SkipDir
			}
			_, _ = os.Stat(file)
			return nil
		}))
	}
}
