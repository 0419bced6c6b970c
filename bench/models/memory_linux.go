package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/stats"
	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/reactor"
)

// steps is how often the memory is read while units are added: the slope over
// them is what a unit weighs, without what the first one brings along.
const steps = 4

// forever is longer than a probe lives.
const forever = time.Hour

// weighing makes the probe of what parked units weigh. Park adds n of them, has
// them weighed, and so on, steps times; then it lets them go.
func weighing(model string, n int, park func(n int, weigh func() error) error) Probe {
	return Probe{Model: model, What: "memory", Place: OneCPU, takes: weighs, measure: func(e Effort) ([]Figure, error) {
		n := max(1, int(float64(n)*e.Units))
		var units, user, kernel []float64
		err := park(n, func() error {
			u, k, err := memoryNow()
			units, user, kernel = append(units, float64(n*len(units))), append(user, u), append(kernel, k)
			return err
		})
		if err != nil {
			return nil, err
		}
		ofUser, err := stats.Slope(units, user)
		if err != nil {
			return nil, err
		}
		ofKernel, err := stats.Slope(units, kernel)
		return []Figure{{MemoryUser, 0, ofUser, unitBytes}, {MemoryKernel, 0, ofKernel, unitBytes}}, err
	}}
}

// withThreads adds to what a probe says how many threads one of its processes has:
// the kernel numbers them like processes.
func withThreads(p Probe, start func() (*unit, error)) Probe {
	weigh := p.measure
	p.measure = func(e Effort) ([]Figure, error) {
		figures, err := weigh(e)
		if err != nil {
			return nil, err
		}
		u, err := start()
		if err != nil {
			return nil, err
		}
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", u.cmd.Process.Pid))
		return append(figures, Figure{MemoryThreads, 0, float64(len(threads)), unitOne}), errors.Join(err, u.wait())
	}
	return p
}

// weighs is about how long the collections take, and the processes.
func weighs(Effort) time.Duration { return 150 * time.Millisecond }

// memoryNow is this process's own memory with its children's, after a collection;
// and the kernel's, without its caches. That is the whole machine's: what others do
// meanwhile is in it.
func memoryNow() (user, kernel float64, err error) {
	measure.OfRuntime() // collects and gives back
	bytes, err := measure.AnonymousBytes(os.Getpid())
	machine, machineErr := measure.OfMachine(nil)
	return float64(bytes), float64(machine.Held), errors.Join(err, machineErr)
}

func parkedProcess() (*unit, error) {
	u, err := startUnit("park")
	if err == nil {
		err = u.ready()
	}
	return u, err
}

// parkedCProcess is cat, which says what it is told.
func parkedCProcess() (*unit, error) {
	path, err := exec.LookPath("cat")
	if err != nil {
		return nil, err
	}
	u := &unit{cmd: exec.Command(path)}
	if err := u.start(); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(u.in, "ready\n"); err != nil {
		return nil, errors.Join(err, u.wait())
	}
	return u, u.ready()
}

func parkProcesses(n int, weigh func() error) error { return parkUnits(n, weigh, parkedProcess) }

func parkCProcesses(n int, weigh func() error) error { return parkUnits(n, weigh, parkedCProcess) }

func parkUnits(n int, weigh func() error, start func() (*unit, error)) error {
	var all []*unit
	err := inSteps(weigh, func() error {
		for range n {
			u, err := start()
			if err != nil {
				return err
			}
			all = append(all, u)
		}
		return nil
	})
	for _, u := range all {
		err = errors.Join(err, u.wait())
	}
	return err
}

// inSteps adds units and has them weighed in turn.
func inSteps(weigh, add func() error) error {
	for range steps {
		if err := add(); err != nil {
			return err
		}
		if err := weigh(); err != nil {
			return err
		}
	}
	return nil
}

func parkThreads(n int, weigh func() error) error { return parkWith(n, weigh, runtime.LockOSThread) }

func parkGoroutines(n int, weigh func() error) error { return parkWith(n, weigh, func() {}) }

func parkWith(n int, weigh func() error, begin func()) error {
	release := make(chan struct{})
	var all sync.WaitGroup
	err := inSteps(weigh, func() error {
		var there sync.WaitGroup
		there.Add(n)
		for range n {
			all.Go(func() {
				begin()
				there.Done()
				<-release
			})
		}
		there.Wait()
		return nil
	})
	close(release)
	all.Wait()
	return err
}

func parkTasks(n int, weigh func() error) error {
	return coro.Run(context.Background(), func(ctx context.Context) error {
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			var never coro.Event
			return inSteps(weigh, func() error {
				for range n {
					err := s.Daemon(func(ctx context.Context) error {
						_ = never.Wait(ctx) // until the scope ends
						return nil
					})
					if err != nil {
						return err
					}
				}
				return coro.Yield(ctx) // they run until they wait
			})
		})
	})
}

// parkCallbacks weighs timers: the smallest thing that waits on a loop.
func parkCallbacks(n int, weigh func() error) error {
	var failed error
	_, err := onLoop(func(l *reactor.Loop, ended func()) error {
		return l.Post(func() {
			failed = inSteps(weigh, func() error {
				for range n {
					l.AfterFunc(forever, func() {})
				}
				return nil
			})
			ended()
		})
	})
	return errors.Join(err, failed)
}
