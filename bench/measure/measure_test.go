package measure

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func linuxOnly(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("another process is measured on Linux only")
	}
}

// sink keeps the tests' memory reachable and their work from being left out.
var sink []byte

func TestUsageGrowsWithWork(t *testing.T) {
	linuxOnly(t)
	before, err := OfProcess(os.Getpid())
	require.NoError(t, err)
	for self := before; self.CPU == before.CPU; {
		sink = make([]byte, 1<<20)
		self, err = OfProcess(os.Getpid())
		require.NoError(t, err)
	}
	after, err := OfProcess(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, after.Sub(before).CPU)
	require.GreaterOrEqual(t, after.Switches(), before.Switches())
}

func TestUsageOfLostThreadsIsNoNumber(t *testing.T) {
	before := Usage{CPU: 1, Voluntary: 100, Involuntary: 3}
	require.Equal(t, Usage{CPU: 4, Voluntary: 20, Involuntary: 1}, Usage{CPU: 5, Voluntary: 120, Involuntary: 4}.Sub(before))
	require.Equal(t, Usage{CPU: 4, Lost: true}, Usage{CPU: 5, Voluntary: 90, Involuntary: 4}.Sub(before))
}

func TestUsageOfAProcessThatIsGoneIsAnError(t *testing.T) {
	linuxOnly(t)
	const beyondPidMax = 1 << 23
	_, err := OfProcess(beyondPidMax)
	require.Error(t, err)
	_, err = AnonymousBytes(beyondPidMax)
	require.Error(t, err)
}

func TestAnonymousBytesSeeTheHeap(t *testing.T) {
	linuxOnly(t)
	before, err := AnonymousBytes(os.Getpid())
	require.NoError(t, err)
	const size = 64 << 20
	sink = make([]byte, size)
	for i := 0; i < size; i += os.Getpagesize() {
		sink[i] = 1
	}
	after, err := AnonymousBytes(os.Getpid())
	require.NoError(t, err)
	require.GreaterOrEqual(t, after-before, int64(size/2))
	sink = nil
}

func TestRuntimeCountsLiveBytes(t *testing.T) {
	before := OfRuntime()
	const size = 8 << 20
	sink = make([]byte, size)
	with := OfRuntime()
	sink = nil
	after := OfRuntime()
	require.GreaterOrEqual(t, with.LiveBytes, before.LiveBytes+size/2)
	require.Less(t, after.LiveBytes, with.LiveBytes-size/2)
	require.Greater(t, after.Mallocs, before.Mallocs)
	require.Positive(t, after.Threads)
	require.Positive(t, after.Goroutines)
}

func TestHostIsNamed(t *testing.T) {
	h := OfHost()
	require.Equal(t, runtime.Version(), h.Go)
	if runtime.GOOS == "linux" {
		require.NotEmpty(t, h.Kernel)
		require.NotEmpty(t, h.CPU)
	}
}
