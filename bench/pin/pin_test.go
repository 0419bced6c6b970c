package pin

import (
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestLayoutIsReadFromItsName(t *testing.T) {
	for _, want := range []Layout{Auto, Split, Shared, None} {
		var got Layout
		require.NoError(t, got.UnmarshalText([]byte(want.String())))
		require.Equal(t, want, got)
	}
	var l Layout
	require.ErrorContains(t, l.UnmarshalText([]byte("both")), "auto, split, shared, none")
}

func TestPlanIsPossibleEverywhere(t *testing.T) {
	auto, err := Choose(Auto)
	require.NoError(t, err)
	require.NotEqual(t, Auto, auto.Layout)
	require.Positive(t, auto.ServerProcs)
	none, err := Choose(None)
	require.NoError(t, err)
	require.Empty(t, none.ServerCPUs)
}

func TestPlanSplitKeepsTheSidesApart(t *testing.T) {
	p, err := Choose(Split)
	if err != nil {
		t.Skip(err)
	}
	require.Equal(t, 1, p.ServerProcs)
	require.Len(t, p.ServerCPUs, 1)
	require.Len(t, p.GeneratorCPUs, 1)
	require.NotEqual(t, p.ServerCPUs, p.GeneratorCPUs)
}

func TestPlanUsesTwoCoresWhereThereAre(t *testing.T) {
	// Processors 0 and 1 are one core, 2 and 3 another.
	pairs := func(cpu int) []int { return []int{cpu &^ 1, cpu | 1} }
	require.Equal(t, []int{0, 2}, twoCores([]int{0, 1, 2, 3}, pairs))
	require.Equal(t, []int{1, 2}, twoCores([]int{1, 2}, pairs))
	require.Equal(t, []int{2, 3}, twoCores([]int{2, 3}, pairs), "there is one core")
	unknown := func(int) []int { return nil }
	require.Equal(t, []int{0, 1}, twoCores([]int{0, 1, 2}, unknown))
}

func TestChildRunsWhereItWasPut(t *testing.T) {
	p, err := Choose(Split)
	if err != nil {
		t.Skip(err)
	}
	before, err := Allowed()
	require.NoError(t, err)
	// What the child may use is in its own status file; grep reads it there.
	child := exec.Command("grep", "Cpus_allowed_list", "/proc/self/status")
	var out strings.Builder
	child.Stdout = &out
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, Child(p.ServerCPUs, child.Start))
	require.NoError(t, child.Wait())
	require.Equal(t, []string{"Cpus_allowed_list:", strconv.Itoa(p.ServerCPUs[0])}, strings.Fields(out.String()))
	after, err := Allowed()
	require.NoError(t, err)
	require.Equal(t, before, after, "this thread is where it was")
}
