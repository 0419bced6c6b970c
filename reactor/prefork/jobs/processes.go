package jobs

import (
	"context"
	"errors"
	"iter"
	"net"
	"os"
	"time"

	"github.com/weft-go/weft/reactor/prefork"
)

// jobName is the request by which a worker process is given a job.
const jobName = "prefork.job"

// runProcesses runs the jobs in processes of this program, with a prefork.Master.
func (b *board[Q, A]) runProcesses(ctx context.Context, questions iter.Seq[Q], do func(context.Context, Q) (A, error)) error {
	inWorker := prefork.InWorker()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	m := prefork.Master{Workers: b.Workers, Handlers: prefork.Handlers{}, Logger: b.Logger}
	prefork.Handle(m.Handlers, jobName, func(ctx context.Context, _ *prefork.Peer, q Q) (A, error) {
		return safely(ctx, do, q)
	})
	m.Started = func(c *prefork.Control) {
		done <- b.run(ctx, questions, func(slot int) func(context.Context, Q) (A, error) {
			s := &seat[Q, A]{control: c, slot: slot}
			return s.ask
		})
		cancel() // the workers may end
	}
	err := m.Run(ctx, func(ctx context.Context, w *prefork.Worker) error {
		w.Ready()
		<-ctx.Done()
		return nil
	})
	if inWorker { // what comes behind Run is the master's to do
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	select {
	case result := <-done:
		return errors.Join(result, err)
	default: // the workers did not start
	}
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// restartPause is how often to look whether a worker that has ended is back.
//
// Bound: a start takes some milliseconds.
const restartPause = 5 * time.Millisecond

// seat is a worker's place, whichever process has it.
type seat[Q, A any] struct {
	control *prefork.Control
	slot    int
	gone    *prefork.Peer // has ended, which the master may not know yet
}

// ask gives a question to the process that has the seat, and waits for one if there
// is none.
func (s *seat[Q, A]) ask(ctx context.Context, q Q) (a A, err error) {
	for {
		for _, p := range s.control.Peers() {
			if p.Slot != s.slot || p == s.gone {
				continue
			}
			if err = p.Ask(ctx, jobName, q, &a); errors.Is(err, net.ErrClosed) {
				s.gone = p
			}
			return a, err
		}
		select {
		case <-time.After(restartPause):
		case <-ctx.Done():
			return a, context.Cause(ctx)
		}
	}
}
