package advise

import (
	"math"

	"github.com/weft-go/weft/bench/models"
)

// candidate is a way to write a server.
type candidate struct {
	model     string
	about     string
	isolation Isolation
	// onLoop tells that a handler which computes holds up others.
	onLoop bool
}

// candidates are all of them, the easiest to write first. That order, and what
// isolation they offer, is judgement; the rest is measured.
var candidates = []candidate{
	{models.Goroutine, "a goroutine per connection, package net", None, false},
	{models.Task, "a task per connection on event loops, coro; ServeReadable where most are idle", None, true},
	{models.Callback, "callbacks on event loops, reactor", None, true},
	{models.Thread, "a thread per connection", None, false},
	{models.Prefork, "a master and workers of one loop each, reactor/prefork", Crash, false},
	{models.Process, "a process per connection, reactor/prefork", Security, false},
}

// Units are the models whose figures advice stands on: prefork's are those of its
// processes and of what is in them.
func Units() (all []string) {
	for _, c := range candidates {
		if c.model != models.Prefork {
			all = append(all, c.model)
		}
	}
	return all
}

// mostlyIdle is the share of active connections below which tasks are served as
// ServeReadable does: an idle connection is a callback then.
const mostlyIdle = 0.5

// perUnit is the memory of one unit, the kernel's part included.
func perUnit(t models.Table, model string) (bytes float64, known bool) {
	user, known := t.Value(model, models.MemoryUser)
	kernel, also := t.Value(model, models.MemoryKernel)
	return user + math.Max(kernel, 0), known && also
}

// sockets is what the kernel holds for all connections, by any model; 0 where that was
// not measured.
func sockets(q Question, t models.Table) float64 {
	each, _ := t.Value(models.Connection, models.MemoryKernel)
	return float64(q.Connections) * math.Max(each, 0)
}

// memory is what all connections take: their sockets, and what serves them.
func (c candidate) memory(q Question, t models.Table) (bytes float64, known bool) {
	served, known := c.served(q, t)
	return sockets(q, t) + served, known
}

// served is what the units take that serve them.
func (c candidate) served(q Question, t models.Table) (bytes float64, known bool) {
	n := float64(q.Connections)
	switch {
	case c.model == models.Task && q.Active < mostlyIdle:
		task, known := perUnit(t, models.Task)
		idle, also := perUnit(t, models.Callback)
		return n * (q.Active*task + (1-q.Active)*idle), known && also
	case c.model == models.Prefork:
		process, known := perUnit(t, models.Process)
		each, also := perUnit(t, preforkUnit(q))
		return float64(q.workers(t))*process + n*each, known && also
	}
	each, known := perUnit(t, c.model)
	return n * each, known
}

// describe is what it is: of a prefork server, with what its workers have.
func (c candidate) describe(q Question) string {
	if c.model == models.Prefork && preforkUnit(q) == models.Goroutine {
		return "a master and workers with a goroutine per connection, reactor/prefork"
	}
	return c.about
}

// preforkUnit is what a connection is in a worker: goroutines where requests
// compute, since a loop would stand still.
func preforkUnit(q Question) string {
	if q.CPUPerRequest > loopLimit {
		return models.Goroutine
	}
	return models.Callback
}

// workers are as many as there are processors, and more where descriptors run out.
func (q Question) workers(t models.Table) int {
	n := max(q.Workers, 1)
	if most, known := t.Value(models.Callback, models.FitPrefix+models.LimitDescriptors); known && most > 0 {
		n = max(n, int(math.Ceil(float64(q.Connections)/most)))
	}
	return n
}

// wake is what it takes to wake a connection's handler, in microseconds.
func (c candidate) wake(q Question, t models.Table) (us float64, known bool) {
	model := c.model
	if model == models.Prefork {
		model = preforkUnit(q)
	}
	return t.Value(model, models.SwitchIO)
}
