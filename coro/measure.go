package coro

import (
	"time"

	"github.com/weft-go/weft/reactor"
)

// What of a loop can be seen costs nothing, or was asked for in its Config.

// meter is what Config.Measure adds up. The time of a task is not in the task,
// which would have to be larger for it on every loop.
type meter struct {
	delay reactor.Histogram        // of all tasks, from ready to running
	spent map[uint64]time.Duration // running, by number of a task that has not ended
}

// observe takes over what the configuration says about looking at the loop.
func (l *loop) observe(c Config) {
	l.name = c.Name
	if c.Measure {
		l.meter = &meter{spent: make(map[uint64]time.Duration)}
	}
	if c.ProfileLabels {
		l.labels = newLabelSets(l)
	}
}

// stamp is now, for task.since: with Config.Measure by the clock, otherwise the
// beginning of the turn, which is there already.
func (l *loop) stamp() time.Duration {
	if l.meter != nil {
		return l.clock()
	}
	return l.reactor.Now()
}

//go:noinline
func (l *loop) clock() time.Duration { return l.reactor.OS().Now() }

// resumeMeasured resumes the task between two readings of the clock.
//
//go:noinline
func (t *task) resumeMeasured(l *loop) {
	begin := l.clock()
	l.meter.delay.Record(begin - t.since)
	t.next()
	l.meter.spent[t.id] += l.clock() - begin
}
