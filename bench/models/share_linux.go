package models

import (
	"context"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/coro"
)

// Sharing is measured as the increment of one counter that two use.

// counter is alone in its cache line.
type counter struct {
	_  [64]byte
	mu sync.Mutex
	n  int
	_  [64]byte
}

func (c *counter) addUnderMutex(n int) {
	for range n {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
	}
}

// countUnderMutex is two at the same time; the figure is for one increment of either.
func countUnderMutex(least time.Duration) (float64, error) {
	c := new(counter)
	return perUnit(least, func(n int) (time.Duration, error) {
		half := (n + 1) / 2
		return timed(func() error {
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() { c.addUnderMutex(half) })
			}
			both.Wait()
			return nil
		})
	})
}

// countByChannel has the counter owned by one goroutine.
func countByChannel(least time.Duration) (float64, error) {
	increments := make(chan int)
	go func() {
		c := new(counter)
		for by := range increments {
			c.n += by
		}
	}()
	defer close(increments)
	return perUnit(least, func(n int) (time.Duration, error) {
		return timed(func() error {
			for range n {
				increments <- 1
			}
			return nil
		})
	})
}

// turn is how many increments a task makes before it lets the other one run.
//
// Bound: it makes a task's switch invisible, as it is in a handler.
const turn = 1024

// countInLoop is two tasks that use one variable, without a lock.
func countInLoop(least time.Duration) (ns float64, err error) {
	c := new(counter)
	err = coro.Run(context.Background(), func(ctx context.Context) error {
		ns, err = perUnit(least, func(n int) (time.Duration, error) {
			return timed(func() error {
				return coro.WithScope(ctx, func(s *coro.Scope) error {
					for range 2 {
						err := s.Go(func(ctx context.Context) error {
							for left := (n + 1) / 2; left > 0; left -= turn {
								for range min(left, turn) {
									c.n++
								}
								if err := coro.Yield(ctx); err != nil {
									return err
								}
							}
							return nil
						})
						if err != nil {
							return err
						}
					}
					return nil
				})
			})
		})
		return err
	})
	return ns, err
}

// countInSharedMemory is an atomic counter of two processes at the same time.
func countInSharedMemory(w *words, least time.Duration) (float64, error) {
	for w.begin.Load() == 0 {
		runtime.Gosched()
	}
	ns, err := perUnit(least, func(n int) (time.Duration, error) {
		before := w.counter.Load()
		took, err := timed(func() error {
			for range n {
				w.counter.Add(1)
			}
			return nil
		})
		byBoth := w.counter.Load() - before
		return time.Duration(float64(took) * float64(n) / float64(byBoth)), err
	})
	w.stop.Store(1)
	return ns, err
}

func atomicOther(w *words) {
	w.begin.Store(1)
	for w.stop.Load() == 0 {
		w.counter.Add(1)
	}
}

// What an owner process is told in a byte.
const (
	addOne          = 0
	addOneAndAnswer = 1
)

// countByPipe sends the increments one after another. The owner takes as many at a
// time as there are. The last one is answered, so that all have been counted.
func countByPipe(least time.Duration) (float64, error) {
	return withOwner(least, func(n int, send func(byte) error) error {
		for range n - 1 {
			if err := send(addOne); err != nil {
				return err
			}
		}
		return send(addOneAndAnswer)
	})
}

// countByPipeAnswered wants to know the value each time.
func countByPipeAnswered(least time.Duration) (float64, error) {
	return withOwner(least, func(n int, send func(byte) error) error {
		for range n {
			if err := send(addOneAndAnswer); err != nil {
				return err
			}
		}
		return nil
	})
}

func withOwner(least time.Duration, count func(n int, send func(byte) error) error) (float64, error) {
	var to, from [2]int
	for _, ends := range []*[2]int{&to, &from} {
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
			return 0, os.NewSyscallError("pipe2", err)
		}
	}
	theirs := []*os.File{os.NewFile(uintptr(to[0]), "increments"), os.NewFile(uintptr(from[1]), "answers")}
	u, err := startUnit("owner", theirs...)
	theirs[0].Close()
	theirs[1].Close()
	defer unix.Close(from[0])
	if err != nil {
		unix.Close(to[1])
		return 0, err
	}
	undo := rawThreads()
	send := func(what byte) error {
		p := [1]byte{what}
		if !rawByte(unix.SYS_WRITE, to[1], &p) || what == addOneAndAnswer && !rawByte(unix.SYS_READ, from[0], &p) {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	var ns float64
	if err = send(addOneAndAnswer); err == nil { // the owner is there
		ns, err = perUnit(least, func(n int) (time.Duration, error) {
			return timed(func() error { return count(n, send) })
		})
	}
	undo()
	unix.Close(to[1])
	if err != nil {
		return 0, err
	}
	return ns, u.wait()
}

// ownerUnit has the counter.
func ownerUnit() error {
	c := new(counter)
	buf := make([]byte, wordsBytes)
	for {
		n, err := unix.Read(inherited, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		for _, what := range buf[:n] {
			c.n++
			p := [1]byte{byte(c.n)}
			if what == addOneAndAnswer && !rawByte(unix.SYS_WRITE, inherited+1, &p) {
				return io.ErrClosedPipe
			}
		}
	}
}
