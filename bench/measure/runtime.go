package measure

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Runtime is what this process's Go runtime says about itself.
type Runtime struct {
	// LiveBytes are the objects on the heap and the stacks of goroutines that
	// a collection has left.
	LiveBytes uint64 `json:"live_bytes"`
	// Mallocs counts allocations since the process began.
	Mallocs uint64 `json:"mallocs"`
	// Goroutines and Threads are how many there are now.
	Goroutines uint64 `json:"goroutines"`
	Threads    uint64 `json:"threads"`
}

// OfRuntime collects garbage, gives free memory back to the operating system,
// and reads what is left.
func OfRuntime() Runtime {
	// Two collections: what the first finalises, and what sync.Pool held,
	// goes with the second.
	runtime.GC()
	debug.FreeOSMemory()
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/gc/heap/allocs:objects"},
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/sched/threads/total:threads"},
	}
	metrics.Read(samples)
	value := func(i int) uint64 { return samples[i].Value.Uint64() }
	return Runtime{
		LiveBytes:  value(0) + value(1),
		Mallocs:    value(2),
		Goroutines: value(3),
		Threads:    value(4),
	}
}
