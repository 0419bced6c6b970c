package models

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/result"
)

func TestFitNamesTheLimitThatComesFirst(t *testing.T) {
	table := func(model string, user, kernel, threads float64) Table {
		return Table{
			{Model: model, Quantity: MemoryUser, Value: user, Low: user / 2, High: user * 2, Samples: 6},
			{Model: model, Quantity: MemoryKernel, Value: kernel, Low: kernel / 2, High: kernel * 2, Samples: 6},
			{Model: model, Quantity: MemoryThreads, Value: threads},
		}
	}
	limits := Limits{Available: 1 << 30, PIDs: 30_000, GoThreads: 10_000, Descriptors: 20_000}
	for _, c := range []struct {
		name   string
		table  Table
		model  string
		limits Limits
		want   float64
		by     string
	}{
		{"processes, by memory", table(Process, 1<<20, 0, 5), Process, limits, 1024, LimitMemory},
		{"small processes, by their numbers", table(CProcess, 1000, 0, 1), CProcess, limits, 30_000, LimitPIDs},
		{"processes with threads, each of which has a number", table(Process, 1000, 0, 5), Process, limits, 6_000, LimitPIDs},
		{"threads, by Go's limit", table(Thread, 20_000, 22_000, 0), Thread, limits, 10_000, LimitGoThreads},
		{"threads of a user who may have few", table(Thread, 20_000, 22_000, 0), Thread, Limits{Available: 1 << 30, UserTasks: 500, GoThreads: 10_000}, 500, LimitUserTasks},
		{"goroutines, by descriptors", table(Goroutine, 2700, 0, 0), Goroutine, limits, 20_000, LimitDescriptors},
		{"goroutines, by memory with their sockets", append(table(Goroutine, 2048, 0, 0), result.Model{Model: Connection, Quantity: MemoryKernel, Value: 6144, Low: 2048, High: 14336}), Goroutine, Limits{Available: 1 << 20}, 128, LimitMemory},
		{"goroutines, by memory", table(Goroutine, 2048, -100, 0), Goroutine, Limits{Available: 1 << 20}, 512, LimitMemory},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := append(c.table, c.table.Fit(c.model, c.limits)...)
			n, by, known := all.Fits(c.model)
			require.True(t, known)
			require.Equal(t, c.want, n)
			require.Equal(t, c.by, by)
			for _, m := range all[len(c.table):] {
				require.LessOrEqual(t, m.Low, m.Value, "%+v", m)
				require.LessOrEqual(t, m.Value, m.High, "%+v", m)
			}
		})
	}
	_, _, known := Table{}.Fits(Task)
	require.False(t, known)
}

func TestSelectionHasNothingThatWasNotMeasured(t *testing.T) {
	require.Empty(t, Table{}.Select())
	rows := Table{
		{Model: Task, Quantity: SwitchDirect, Value: 0.123, Unit: unitMicroseconds},
		{Model: Task, Quantity: MemoryUser, Value: 3072},
		{Model: Task, Quantity: MemoryKernel, Value: -5},
		{Model: Task, Quantity: JobIO.Quantity(JobElapsed), Workers: 1, Value: 2},
		{Model: Task, Quantity: JobIO.Quantity(JobElapsed), Workers: 20, Value: 0.1},
		{Model: Task, Quantity: Faults[0].Quantity(OthersLost), Value: 0.5},
		{Model: Task, Quantity: Faults[0].Quantity(OthersLate), Value: 0.25},
		{Model: Task, Quantity: Faults[1].Quantity(OthersLost), Value: 1},
		{Model: Task, Quantity: Faults[2].Quantity(OthersLost), Value: 0},
	}
	got := Table(rows).Select()
	require.Len(t, got, 1)
	got[0].When = ""
	require.Equal(t, Choice{
		Model: Task, Isolation: "75 %, 100 %, 0 %", Memory: "3 KB", Switch: "123 ns, -, -", Limits: "-", Costs: "waiting x 20 with 20",
	}, got[0])
	require.Len(t, ChoiceHead, len(got[0].Cells()))
}

func TestFiguresBecomeMediansWithIntervalsWhereThereAreSix(t *testing.T) {
	var c collection
	for i := range 5 {
		c.add(Thread, Figure{Create, 0, float64(i), unitMicroseconds})
	}
	require.Equal(t, Table{{Model: Thread, Quantity: Create, Value: 2, Low: 2, High: 2, Unit: unitMicroseconds, Samples: 5, Values: []float64{0, 1, 2, 3, 4}}}, c.table())
	c.add(Thread, Figure{Create, 0, 5, unitMicroseconds})
	got := c.table()[0]
	require.Equal(t, 2.5, got.Value)
	require.Equal(t, []float64{0, 5}, []float64{got.Low, got.High})
	require.Equal(t, []float64{0, 1, 2, 3, 4, 5}, got.Values)
}

func TestStepsThatWereTakenAreCountedByTheirFigures(t *testing.T) {
	var f result.File
	for round := range 3 {
		for _, what := range []string{Create, "memory", "job/cpu", "job/io"} {
			f.Run.Order = append(f.Run.Order, result.Step{Round: round + 1, Point: result.Point{Scenario: what}, Backend: Task})
		}
	}
	require.Zero(t, Taken(f))
	f.Models = Table{
		{Model: Task, Quantity: Create, Samples: 3},
		{Model: Task, Quantity: MemoryUser, Samples: 2}, {Model: Task, Quantity: MemoryKernel, Samples: 2},
		{Model: Task, Quantity: JobCPU.Quantity(JobElapsed), Workers: 1, Samples: 2}, {Model: Task, Quantity: JobCPU.Quantity(JobElapsed), Workers: 2, Samples: 2},
		{Model: Task, Quantity: FitPrefix + LimitMemory, Samples: 2}, // follows from others
	}
	require.Equal(t, 7, Taken(f))
}

func TestTableIsOrderedByKindQuantityWorkersAndModel(t *testing.T) {
	want := Table{
		{Model: Process, Quantity: Create}, {Model: Task, Quantity: Create},
		{Model: Task, Quantity: SwitchDirect}, {Model: Process, Quantity: SwitchIO},
		{Model: Task, Quantity: "job/cpu/elapsed", Workers: 1}, {Model: Task, Quantity: "job/cpu/elapsed", Workers: 20},
		{Model: Prefork, Quantity: Faults[0].Quantity(OthersLost)},
	}
	shuffled := Table{want[5], want[6], want[1], want[0], want[3], want[2], want[4]}
	require.Equal(t, want, shuffled.sorted())
	require.Equal(t, []string{Process, Task}, want.Models("create"))
	require.Equal(t, []int{1, 20}, want.Workers("job/cpu/elapsed"))
}

func TestNumbersAreShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.01234: "0.0123", 1: "1", 12.345: "12.3", 12345: "12300", -1.5: "-1.5", 0.1: "0.1"} {
		require.Equal(t, want, Short(v))
	}
	require.Equal(t, "2.7 KB", Bytes(2765))
	require.Equal(t, "3.5 us", Microseconds(3.5))
	require.Equal(t, "122 ns", Microseconds(0.122))
	require.Equal(t, "12 %", Percent(0.12))
	require.Equal(t, "0 %", Percent(-0.004))
}

func TestPlanRunsEveryProbeOnceARoundInASeededOrder(t *testing.T) {
	settings := Settings{Rounds: 3, CrashRounds: 1, Seed: 5}
	p, again := New(settings), New(settings)
	require.Equal(t, p.Order(), again.Order())
	settings.Seed = 6
	require.NotEqual(t, p.Order(), New(settings).Order())
	require.Equal(t, 3*(len(Probes())-len(p.Failures))+len(servers)*len(Faults), len(p.Steps))
	seen := map[string]bool{}
	for _, s := range p.Steps {
		seen[fmt.Sprint(s.Round, s.What, s.Model)] = true
	}
	require.Len(t, seen, len(p.Steps), "no step twice")
	require.NotZero(t, p.Estimate())
}

func TestJobsAreSharedWithoutRest(t *testing.T) {
	e := Effort{Rounds: 101, Pauses: 40, PauseLength: 1}
	for _, n := range []int{1, 2, 7, 20} {
		var rounds, pauses int
		for i := range n {
			s := shareOf(JobMixed, e, n, i)
			rounds, pauses = rounds+s.rounds, pauses+s.pauses
		}
		require.Equal(t, []int{e.Rounds, e.Pauses}, []int{rounds, pauses}, "%d workers", n)
	}
	require.Zero(t, shareOf(JobIO, e, 1, 0).rounds)
	require.Zero(t, shareOf(JobCPU, e, 1, 0).pauses)
}
