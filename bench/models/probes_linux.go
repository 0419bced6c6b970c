package models

import "time"

// Probes is what can be measured here.
func Probes() []Probe {
	all := []Probe{
		create(CProcess, createCProcesses), create(Process, createProcesses), create(Thread, createThreads),
		create(Goroutine, createGoroutines), create(Task, createTasks), create(Callback, createCallbacks),

		switching(Process, SwitchDirect, besideProcess("futex", raw(futexRounds))), switching(Thread, SwitchDirect, besideThread(futexOther, futexRounds)),
		switching(Goroutine, SwitchDirect, channelGoroutines), switching(Task, SwitchDirect, chanTasks),

		switching(Process, SwitchQueued, besideProcess("yield", raw(yieldRounds))), switching(Thread, SwitchQueued, besideThread(yieldOther, yieldRounds)),
		switching(Goroutine, SwitchQueued, yieldGoroutines), switching(Task, SwitchQueued, yieldTasks),
		switching(Callback, SwitchQueued, postCallbacks),

		switching(Process, SwitchIO, wakeProcesses), switching(Thread, SwitchIO, wakeThreads),
		switching(Goroutine, SwitchIO, wakeGoroutines), switching(Task, SwitchIO, wakeTasks),
		switching(Callback, SwitchIO, wakeCallbacks),

		withThreads(weighing(CProcess, 8, parkCProcesses), parkedCProcess), withThreads(weighing(Process, 5, parkProcesses), parkedProcess),
		weighing(Thread, 150, parkThreads),
		weighing(Goroutine, 5000, parkGoroutines), weighing(Task, 5000, parkTasks), weighing(Callback, 20_000, parkCallbacks),

		{Model: Connection, What: "memory", Place: OneCPU, takes: weighs, measure: weighConnections},

		sharing(Goroutine, ShareMutex, OneCPU, countUnderMutex), sharing(Goroutine, ShareContended, TwoCPUs, countUnderMutex),
		sharing(Goroutine, ShareChannel, OneCPU, countByChannel), sharing(Task, ShareLocal, OneCPU, countInLoop),
		sharing(Process, ShareAtomic, TwoCPUs, besideProcess("atomic", countInSharedMemory)), sharing(Process, SharePipe, OneCPU, countByPipe),
		sharing(Process, SharePipeAnswered, OneCPU, countByPipeAnswered),
	}
	for _, j := range Jobs {
		all = append(all, working(Process, j, processCrew), working(Thread, j, threadCrew), working(Goroutine, j, goroutineCrew), working(Task, j, taskCrew))
	}
	return all
}

func create(model string, run func(n int) (time.Duration, error)) Probe {
	return oneFigure(model, Create, unitMicroseconds, OneCPU, func(e Effort) (float64, error) {
		ns, err := perUnit(e.Time, run)
		return ns / 1e3, err
	})
}

func switching(model, quantity string, run func(least time.Duration) (float64, error)) Probe {
	return oneFigure(model, quantity, unitMicroseconds, OneCPU, func(e Effort) (float64, error) {
		ns, err := run(e.Time)
		return ns / 1e3, err
	})
}

func sharing(model, quantity string, place Place, run func(least time.Duration) (float64, error)) Probe {
	return oneFigure(model, quantity, unitNanoseconds, place, func(e Effort) (float64, error) { return run(e.Time) })
}
