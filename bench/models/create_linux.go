package models

import (
	"context"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/reactor"
)

// atOnce is how many units are alive at a time while they are created, but for
// processes, of which it is one.
//
// Bound: enough that the switches to whoever waits for them do not count, and few
// enough for the caches.
const atOnce = 64

func createProcesses(n int) (time.Duration, error) {
	return timed(func() error {
		for range n {
			u, err := startUnit("exit")
			if err != nil {
				return err
			}
			if err := u.wait(); err != nil {
				return err
			}
		}
		return nil
	})
}

func createCProcesses(n int) (time.Duration, error) {
	path, err := exec.LookPath("true")
	if err != nil {
		return 0, err
	}
	return timed(func() error {
		for range n {
			if err := exec.Command(path).Run(); err != nil {
				return err
			}
		}
		return nil
	})
}

// inBatches calls batch for n units, atOnce at a time.
func inBatches(n int, batch func(n int) error) error {
	for n > 0 {
		some := min(n, atOnce)
		if err := batch(some); err != nil {
			return err
		}
		n -= some
	}
	return nil
}

// createThreads makes goroutines that end locked, and so end their threads.
func createThreads(n int) (time.Duration, error) {
	return createWith(n, func() { runtime.LockOSThread() })
}

func createGoroutines(n int) (time.Duration, error) { return createWith(n, func() {}) }

func createWith(n int, body func()) (time.Duration, error) {
	return timed(func() error {
		return inBatches(n, func(n int) error {
			var all sync.WaitGroup
			for range n {
				all.Go(body)
			}
			all.Wait()
			return nil
		})
	})
}

func createTasks(n int) (took time.Duration, err error) {
	err = coro.Run(context.Background(), func(ctx context.Context) error {
		took, err = timed(func() error {
			return inBatches(n, func(n int) error {
				return coro.WithScope(ctx, func(s *coro.Scope) error {
					for range n {
						if err := s.Go(func(context.Context) error { return nil }); err != nil {
							return err
						}
					}
					return nil
				})
			})
		})
		return err
	})
	return took, err
}

// createCallbacks posts functions that do nothing, but for the last one of a batch,
// which posts the next batch.
func createCallbacks(n int) (time.Duration, error) {
	return onLoop(func(l *reactor.Loop, ended func()) error {
		var batch func()
		batch = func() {
			some := min(n, atOnce)
			n -= some
			for range some - 1 {
				_ = l.Post(func() {})
			}
			if n == 0 {
				_ = l.Post(ended)
				return
			}
			_ = l.Post(batch)
		}
		return l.Post(batch)
	})
}

// onLoop times a loop from its start to the call of ended.
func onLoop(begin func(l *reactor.Loop, ended func()) error) (took time.Duration, err error) {
	l, err := reactor.NewLoop(reactor.Options{})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := begin(l, func() { took = time.Since(began); l.Stop() }); err != nil {
		_ = l.Close()
		return 0, err
	}
	return took, l.Run(context.Background())
}
