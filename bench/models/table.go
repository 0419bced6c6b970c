package models

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
)

// Table is measured figures: one line for each model, quantity and number of
// workers.
type Table []result.Model

// Find looks a line up. Workers is 0 where they do not matter.
func (t Table) Find(model, quantity string, workers int) (result.Model, bool) {
	i := slices.IndexFunc(t, func(m result.Model) bool {
		return m.Model == model && m.Quantity == quantity && m.Workers == workers
	})
	if i < 0 {
		return result.Model{}, false
	}
	return t[i], true
}

// Value of a line; not known where it was not measured.
func (t Table) Value(model, quantity string) (value float64, known bool) {
	m, known := t.Find(model, quantity, 0)
	return m.Value, known
}

// Workers are the numbers of workers that a quantity was measured with.
func (t Table) Workers(quantity string) (all []int) {
	for _, m := range t {
		if m.Quantity == quantity && !slices.Contains(all, m.Workers) {
			all = append(all, m.Workers)
		}
	}
	slices.Sort(all)
	return all
}

// Models that have any line of a kind, in the order of Named.
func (t Table) Models(kind string) (all []string) {
	for _, model := range Named {
		if slices.ContainsFunc(t, func(m result.Model) bool { return m.Model == model && Kind(m.Quantity) == kind }) {
			all = append(all, model)
		}
	}
	return all
}

// Quantities of a kind, in the order in which they were measured.
func (t Table) Quantities(kind string) (all []string) {
	for _, m := range t {
		if Kind(m.Quantity) == kind && !slices.Contains(all, m.Quantity) {
			all = append(all, m.Quantity)
		}
	}
	return all
}

// Taken is how many steps of a file's order were measured, as its figures tell: also
// of a run that was killed. Those that failed are not among them.
func Taken(f result.File) (steps int) {
	type name struct{ model, what string }
	rounds := map[name]int{}
	for _, s := range f.Run.Order {
		rounds[name{s.Backend, s.Point.Scenario}] = 0
	}
	for of := range rounds {
		for _, m := range f.Models {
			if m.Model == of.model && (m.Quantity == of.what || strings.HasPrefix(m.Quantity, of.what+"/")) {
				rounds[of] = max(rounds[of], m.Samples)
			}
		}
		steps += rounds[of]
	}
	return steps
}

// TakenOf says how much of a file's order was measured: "20 of 30 samples". A run about
// models has no backends.
func TakenOf(f result.File) string {
	if len(f.Run.Backends) == 0 {
		return fmt.Sprintf("%d of %d measurements", Taken(f), len(f.Run.Order))
	}
	return fmt.Sprintf("%d of %d samples", len(f.Samples), len(f.Run.Order))
}

// values are a figure's, of all rounds.
type values struct {
	model, quantity, unit string
	workers               int
	all                   []float64
}

// line is their median with its interval. Where there are too few for an interval,
// Low and High are the median: a file holds numbers only.
func (v values) line() result.Model {
	m := result.Model{Model: v.model, Quantity: v.quantity, Workers: v.workers, Unit: v.unit, Samples: len(v.all), Values: slices.Clone(v.all)}
	i := stats.Median(v.all)
	m.Value, m.Low, m.High = i.Center, i.Center, i.Center
	if i.Known() {
		m.Low, m.High = i.Low, i.High
	}
	return m
}

// collection is values, in the order in which they came first.
type collection []values

func (c *collection) add(model string, f Figure) {
	for i := range *c {
		v := &(*c)[i]
		if v.model == model && v.quantity == f.Quantity && v.workers == f.Workers {
			v.all = append(v.all, f.Value)
			return
		}
	}
	*c = append(*c, values{model, f.Quantity, f.Unit, f.Workers, []float64{f.Value}})
}

// table is sorted by kind, quantity, workers and model; quantities stay in the order
// in which they came first, but for kinds.
func (c collection) table() Table {
	var t Table
	for _, v := range c {
		t = append(t, v.line())
	}
	return t.sorted()
}

func (t Table) sorted() Table {
	slices.SortStableFunc(t, func(a, b result.Model) int {
		if d := slices.Index(Kinds, Kind(a.Quantity)) - slices.Index(Kinds, Kind(b.Quantity)); d != 0 {
			return d
		}
		if d := slices.Index(order, a.Quantity) - slices.Index(order, b.Quantity); d != 0 {
			return d
		}
		if d := a.Workers - b.Workers; d != 0 {
			return d
		}
		return slices.Index(Named, a.Model) - slices.Index(Named, b.Model)
	})
	return t
}

// order is that of the quantities in tables; what is not in it comes first of its
// kind.
var order = func() []string {
	all := []string{
		SwitchDirect, SwitchQueued, SwitchIO, MemoryUser, MemoryKernel, MemoryThreads,
		ShareLocal, ShareMutex, ShareContended, ShareAtomic, ShareChannel, SharePipe, SharePipeAnswered,
	}
	for _, j := range Jobs {
		all = append(all, j.Quantity(JobElapsed), j.Quantity(JobLost), j.Quantity(JobSwitches))
	}
	for _, f := range Faults {
		all = append(all, f.Quantity(OthersLost), f.Quantity(OthersLate))
	}
	return all
}()
