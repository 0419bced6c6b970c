package models

import (
	"math"

	"github.com/weft-go/weft/bench/result"
)

// Limits are this machine's. What it does not limit, or does not tell, is 0.
type Limits struct {
	// Available is the memory that programs could have now, in bytes: of the machine,
	// or of the control group that this process is in, as in a container.
	Available int64
	// PIDs, limited likewise, are the numbers that the kernel still has for processes
	// and threads, UserTasks how many of them this user may have.
	PIDs, UserTasks int64
	// GoThreads is how many threads Go lets a process have, if it is not told
	// otherwise (debug.SetMaxThreads).
	GoThreads int64
	// Descriptors are those of one process.
	Descriptors int64
}

// The names of the limits, behind FitPrefix.
const (
	LimitMemory      = "memory"
	LimitPIDs        = "process numbers"
	LimitUserTasks   = "tasks of the user"
	LimitGoThreads   = "Go's thread limit"
	LimitDescriptors = "descriptors of a process"
)

// goThreads is Go's limit; see debug.SetMaxThreads.
const goThreads = 10_000

// Fit is how many units of a model this machine holds, by each of its limits: lines
// of the kind fit. Units are thought of as serving a connection each, so that those
// of one process need descriptors, and all the kernel's memory for a socket. The bounds
// of what memory allows follow from the bounds of what was measured.
func (t Table) Fit(model string, l Limits) (lines []result.Model) {
	add := func(limit string, value, low, high float64, samples int) {
		lines = append(lines, result.Model{
			Model: model, Quantity: FitPrefix + limit, Unit: unitOne, Samples: samples,
			Value: math.Floor(value), Low: math.Floor(low), High: math.Floor(high),
		})
	}
	count := func(limit string, most int64, each float64) {
		if most > 0 && each > 0 {
			n := float64(most) / each
			add(limit, n, n, n, 1)
		}
	}
	user, known := t.Find(model, MemoryUser, 0)
	kernel, also := t.Find(model, MemoryKernel, 0)
	if known && also && l.Available > 0 {
		socket, _ := t.Find(Connection, MemoryKernel, 0)
		by := func(user, kernel, socket float64) float64 {
			return float64(l.Available) / math.Max(user+math.Max(kernel, 0)+math.Max(socket, 0), 1)
		}
		add(LimitMemory, by(user.Value, kernel.Value, socket.Value), by(user.High, kernel.High, socket.High), by(user.Low, kernel.Low, socket.Low), user.Samples)
	}
	threads := 0.0
	switch model {
	case Thread:
		threads = 1
	case Process, CProcess:
		threads, _ = t.Value(model, MemoryThreads)
	}
	count(LimitPIDs, l.PIDs, threads)
	count(LimitUserTasks, l.UserTasks, threads)
	if model == Thread {
		count(LimitGoThreads, l.GoThreads, 1)
	}
	if model != Process && model != CProcess {
		count(LimitDescriptors, l.Descriptors, 1)
	}
	return lines
}

// Fits is the smallest of the figures of Fit, and the limit it comes from; not known
// where nothing was measured.
func (t Table) Fits(model string) (n float64, limit string, known bool) {
	for _, m := range t {
		if m.Model == model && Kind(m.Quantity) == "fit" && (!known || m.Value < n) {
			n, limit, known = m.Value, m.Quantity[len(FitPrefix):], true
		}
	}
	return n, limit, known
}
