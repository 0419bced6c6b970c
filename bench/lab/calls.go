package lab

import (
	"context"

	"github.com/weft-go/weft/bench/measure"
)

// countCalls counts system calls in a short run of its own, because counting slows
// every call of the machine down. Where the kernel does not let us, nothing is
// counted.
func (t *taking) countCalls(ctx context.Context) error {
	counter, err := measure.OpenCalls(t.srv.PID())
	if err != nil {
		return nil
	}
	defer counter.Close()
	before, err := counter.Count()
	if err != nil {
		return err
	}
	outcome, err := t.gen.Run(ctx, t.lab.settings.callsRun())
	if err != nil {
		return err
	}
	if outcome.Void != "" {
		return voidError(outcome.Void)
	}
	after, err := counter.Count()
	if err != nil {
		return err
	}
	calls := after - before
	t.reading.Calls, t.reading.CallsOutcome = &calls, outcome
	return nil
}
