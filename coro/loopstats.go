package coro

import (
	"context"
	"time"

	"github.com/weft-go/weft/reactor"
)

// LoopStats are a loop's counters.
type LoopStats struct {
	// Loop is its number, from 1 in the order of the calls of Run, and Name
	// that of its Config.
	Loop int
	Name string
	// Silent is a loop that has not answered within a second: nothing below is
	// known. Dump tells what it is doing.
	Silent bool

	Tasks   int    // that have not ended
	Resting int    // connections of ServeReadable that are idle, so have no task
	Spawned uint64 // so far
	Idle    int    // coroutines kept for new tasks
	Lost    int    // coroutines that a Goexit has parked for good

	// SchedulingDelay is how long tasks were ready until they ran, with
	// Config.Measure.
	SchedulingDelay reactor.Histogram

	// Reactor are the counters of the loop underneath.
	Reactor reactor.Stats
}

// Stats are the counters of the calling task's loop. It does not suspend.
// Errors: ErrNotTask, ErrNoLoop.
func Stats(ctx context.Context) (LoopStats, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return LoopStats{}, err
	}
	return t.loop().stats(), nil
}

// Loops are the counters of every loop of the process, by number. It asks them as
// Tasks does.
func Loops() []LoopStats {
	var all []LoopStats
	askLoops((*loop).stats, func(answers []answer[LoopStats]) {
		for _, a := range answers {
			if a.silent {
				a.said = LoopStats{Loop: a.loop.number, Name: a.loop.name, Silent: true}
			}
			all = append(all, a.said)
		}
	})
	return all
}

func (l *loop) stats() LoopStats {
	s := LoopStats{
		Loop: l.number, Name: l.name,
		Tasks: l.live, Spawned: l.spawned, Idle: len(l.idle), Lost: l.lost,
		Reactor: l.reactor.Stats(),
	}
	for _, serving := range l.readables {
		s.Resting += serving.idle.len
	}
	if l.meter != nil {
		s.SchedulingDelay = l.meter.delay
	}
	return s
}

// busyFor is how long a silent loop has been at work, by its own clock; 0 if it
// seems to sleep.
func (a *answer[T]) busyFor() time.Duration {
	if !a.doing.Busy {
		return 0
	}
	return a.loop.clock() - a.doing.Since
}
