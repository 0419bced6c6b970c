package models

import (
	"context"
	"runtime"
	"time"

	"github.com/weft-go/weft/coro"
)

// A direct switch: one hands over to the other, which was waiting for just that.
//
//	process, thread   a futex: one is woken, the other waits
//	goroutine         an unbuffered channel
//	task              an unbuffered coro.Chan
//
// The figure is half a round trip. A callback has nobody to hand over to.

// futexRounds is the probe's side. It ends the other one.
func futexRounds(w *words, least time.Duration) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	round := func() {
		w.pass(othersTurn)
		w.await(probesTurn)
	}
	round() // the other side is there
	ns, err := perUnit(least, func(n int) (time.Duration, error) {
		return timed(func() error {
			for range n {
				round()
			}
			return nil
		})
	})
	w.stop.Store(1)
	round()
	return ns / 2, err
}

// futexOther hands every turn back.
func futexOther(w *words) {
	for stop := false; !stop; {
		w.await(othersTurn)
		stop = w.stop.Load() != 0
		w.pass(probesTurn)
	}
}

func channelGoroutines(least time.Duration) (float64, error) {
	there, back := make(chan struct{}), make(chan struct{})
	go func() {
		for range there {
			back <- struct{}{}
		}
	}()
	defer close(there)
	ns, err := perUnit(least, func(n int) (time.Duration, error) {
		return timed(func() error {
			for range n {
				there <- struct{}{}
				<-back
			}
			return nil
		})
	})
	return ns / 2, err
}

func chanTasks(least time.Duration) (ns float64, err error) {
	err = coro.Run(context.Background(), func(ctx context.Context) error {
		there, back := coro.NewChan[int](0), coro.NewChan[int](0)
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			err := s.Daemon(func(ctx context.Context) error {
				for {
					if _, err := there.Recv(ctx); err != nil {
						return nil // the probe has ended
					}
					if err := back.Send(ctx, 1); err != nil {
						return nil
					}
				}
			})
			if err != nil {
				return err
			}
			ns, err = perUnit(least, func(n int) (time.Duration, error) {
				return timed(func() error {
					for range n {
						if err := there.Send(ctx, 1); err != nil {
							return err
						}
						if _, err := back.Recv(ctx); err != nil {
							return err
						}
					}
					return nil
				})
			})
			return err
		})
	})
	return ns / 2, err
}
