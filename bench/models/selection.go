package models

import (
	"fmt"
	"strings"
)

// Choice is a row of the selection table. All but Model and When is made from
// figures; what was not measured is "-".
type Choice struct {
	Model     string
	When      string
	Isolation string // what the three faults take from the others
	Memory    string // of a unit that waits
	Switch    string // direct, queued, by I/O
	Limits    string // how many fit, and what ends it
	Costs     string // creating one, and what many workers gain and lose
}

// ChoiceHead are the names of the columns.
var ChoiceHead = []string{"model", "when", "a panic, a kill, a runaway takes or delays of the others", "memory", "switch: direct, queued, I/O", "fit here", "costs here"}

// Cells are the columns.
func (c Choice) Cells() []string {
	return []string{c.Model, c.When, c.Isolation, c.Memory, c.Switch, c.Limits, c.Costs}
}

// when says what each model is for. It is judgement, and the only column that is
// not measured.
var when = []struct{ model, when string }{
	{Process, "tenants who must not see each other; code that is not trusted"},
	{Prefork, "many connections, and a crash must not take all"},
	{Thread, "libraries that block; priorities and processors of their own"},
	{Goroutine, "the usual server in Go; computing on all processors"},
	{Task, "very many connections with straight-line code, state without locks"},
	{Callback, "the most connections, the least memory; protocols as state machines"},
}

// Select is the selection table: a row for each model of which anything was measured.
func (t Table) Select() (rows []Choice) {
	for _, w := range when {
		c := Choice{
			Model: w.model, When: w.when,
			Isolation: t.isolation(w.model), Memory: t.memory(w.model), Switch: t.switches(w.model),
			Limits: t.limits(w.model), Costs: t.costs(w.model),
		}
		if strings.Trim(c.Isolation+c.Memory+c.Switch+c.Limits+c.Costs, "-") != "" {
			rows = append(rows, c)
		}
	}
	return rows
}

// isolation is one figure per fault: what part of the others it took or held up.
func (t Table) isolation(model string) string {
	var parts []string
	for _, f := range Faults {
		lost, known := t.Value(model, f.Quantity(OthersLost))
		late, _ := t.Value(model, f.Quantity(OthersLate))
		if !known {
			return "-"
		}
		parts = append(parts, Percent(lost+late))
	}
	return strings.Join(parts, ", ")
}

func (t Table) memory(model string) string {
	user, known := t.Value(model, MemoryUser)
	kernel, also := t.Value(model, MemoryKernel)
	if !known || !also {
		return "-"
	}
	if kernel < user/100 { // nothing of the kernel's, or what others did meanwhile
		return Bytes(user)
	}
	return Bytes(user) + " + " + Bytes(kernel) + " kernel"
}

func (t Table) switches(model string) string {
	var parts []string
	any := false
	for _, q := range []string{SwitchDirect, SwitchQueued, SwitchIO} {
		text := "-"
		if v, known := t.Value(model, q); known {
			text, any = Microseconds(v), true
		}
		parts = append(parts, text)
	}
	if !any {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func (t Table) limits(model string) string {
	n, limit, known := t.Fits(model)
	if !known {
		return "-"
	}
	return fmt.Sprintf("%.0f (%s)", n, limit)
}

func (t Table) costs(model string) string {
	var parts []string
	if v, known := t.Value(model, Create); known {
		parts = append(parts, "create "+Microseconds(v))
	}
	for _, j := range []Job{JobCPU, JobIO} {
		if gain, workers, known := t.Gain(model, j); known {
			what := map[Job]string{JobCPU: "computing", JobIO: "waiting"}[j]
			parts = append(parts, fmt.Sprintf("%s x %s with %d", what, Short(gain), workers))
		}
	}
	if workers := t.Workers(JobMixed.Quantity(JobLost)); len(workers) > 0 {
		if m, known := t.Find(model, JobMixed.Quantity(JobLost), workers[len(workers)-1]); known {
			parts = append(parts, fmt.Sprintf("%s lost to switches and pauses", Percent(m.Value)))
		}
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// Gain is how much faster the largest crew was than one worker.
func (t Table) Gain(model string, j Job) (gain float64, workers int, known bool) {
	counts := t.Workers(j.Quantity(JobElapsed))
	if len(counts) < 2 {
		return 0, 0, false
	}
	workers = counts[len(counts)-1]
	one, first := t.Find(model, j.Quantity(JobElapsed), counts[0])
	many, last := t.Find(model, j.Quantity(JobElapsed), workers)
	if !first || !last || many.Value <= 0 {
		return 0, 0, false
	}
	return one.Value / many.Value, workers, true
}
