package models

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/coro"
)

// crew is workers of one model, as many as a job is ever given to.
type crew struct {
	// do has a job done by n of them, which are there before the clock starts.
	do  func(j Job, e Effort, n int) (spent, error)
	end func() error
}

// spent is what a job took.
type spent struct {
	elapsed time.Duration
	usage   measure.Usage
}

// working makes the probe of a job: the same work by one worker, by as many as
// there are processors, and by more.
func working(model string, j Job, hire func(most int) (crew, error)) Probe {
	return Probe{Model: model, What: "job/" + string(j), Place: Anywhere, takes: works(model), measure: func(e Effort) ([]Figure, error) {
		counts := Crews(runtime.NumCPU())
		c, err := hire(counts[len(counts)-1])
		if err != nil {
			return nil, err
		}
		figures, err := work(c, j, e, counts)
		return figures, errors.Join(err, c.end())
	}}
}

// works is about how long that takes: calculation and pauses take about the same.
func works(model string) func(e Effort) time.Duration {
	const asLongAsOneWorker, hiring, process = 4, 50 * time.Millisecond, 4 * time.Millisecond
	most := 0
	if model == Process {
		crews := Crews(runtime.NumCPU())
		most = crews[len(crews)-1]
	}
	return func(e Effort) time.Duration {
		return asLongAsOneWorker*time.Duration(e.Pauses)*e.PauseLength + hiring + time.Duration(most)*process
	}
}

// work has the job done by each number of workers. What CPU time is useful is
// measured before: the calculation by one worker, without pauses.
func work(c crew, j Job, e Effort, counts []int) (figures []Figure, err error) {
	warm := e
	warm.Rounds, warm.Pauses = e.Rounds/10, e.Pauses/10
	if _, err := c.do(j, warm, counts[len(counts)-1]); err != nil {
		return nil, err
	}
	useful, err := c.do(JobCPU, e, 1)
	if err != nil {
		return nil, err
	}
	for i, n := range counts {
		if i > 0 && n == counts[i-1] {
			continue // one processor
		}
		s, err := c.do(j, e, n)
		if err != nil {
			return nil, err
		}
		figures = append(figures,
			Figure{j.Quantity(JobElapsed), n, s.elapsed.Seconds(), unitSeconds},
			Figure{j.Quantity(JobSwitches), n, float64(s.usage.Switches()), unitOne})
		if j != JobIO && s.usage.CPU > 0 { // who only waits has no CPU time to lose
			lost := 1 - float64(useful.usage.CPU)/float64(s.usage.CPU)
			figures = append(figures, Figure{j.Quantity(JobLost), n, lost, unitOne})
		}
	}
	return figures, nil
}

// timedSelf is the time and the usage of fn in this process.
func timedSelf(fn func() error) (s spent, err error) {
	before, err := measure.OfSelf()
	if err != nil {
		return s, err
	}
	if s.elapsed, err = timed(fn); err != nil {
		return s, err
	}
	after, err := measure.OfSelf()
	s.usage = after.Sub(before)
	return s, err
}

// sleepInKernel is a thread's pause, without Go's timers.
func sleepInKernel(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}

// threadCrew's workers are locked threads. Go runs as many at a time as there are
// workers, so that it is the kernel which switches among them.
func threadCrew(int) (crew, error) {
	return crew{
		do: func(j Job, e Effort, n int) (spent, error) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(n, runtime.NumCPU())))
			return together(n, func(i int) { shareOf(j, e, n, i).do(sleepInKernel) }, runtime.LockOSThread)
		},
		end: func() error { return nil },
	}, nil
}

func goroutineCrew(int) (crew, error) {
	return crew{
		do: func(j Job, e Effort, n int) (spent, error) {
			return together(n, func(i int) { shareOf(j, e, n, i).do(time.Sleep) }, func() {})
		},
		end: func() error { return nil },
	}, nil
}

// together starts n goroutines, and the clock when all are there.
func together(n int, do func(i int), begin func()) (spent, error) {
	var there, all sync.WaitGroup
	start := make(chan struct{})
	there.Add(n)
	for i := range n {
		all.Go(func() {
			begin()
			there.Done()
			<-start
			do(i)
		})
	}
	there.Wait()
	return timedSelf(func() error {
		close(start)
		all.Wait()
		return nil
	})
}

// taskCrew's workers are tasks on as many loops as there are processors, and no
// more than workers. They compute on their loops, which is what one should not do,
// so there is no watchdog that tells them.
func taskCrew(int) (crew, error) {
	return crew{
		do: func(j Job, e Effort, n int) (spent, error) {
			loops := min(n, runtime.NumCPU())
			failures := make([]error, loops)
			s, err := together(loops, func(loop int) {
				failures[loop] = coro.Config{StallLimit: -1}.Run(context.Background(), func(ctx context.Context) error {
					return coro.WithScope(ctx, func(s *coro.Scope) error {
						for i := loop; i < n; i += loops {
							err := s.Go(func(ctx context.Context) error {
								var failed error
								shareOf(j, e, n, i).do(func(d time.Duration) { failed = errors.Join(failed, coro.Sleep(ctx, d)) })
								return failed
							})
							if err != nil {
								return err
							}
						}
						return nil
					})
				})
			}, func() {})
			return s, errors.Join(append(failures, err)...)
		},
		end: func() error { return nil },
	}, nil
}

// processCrew's workers are told their share in a line, and say in one what they
// have used.
func processCrew(most int) (crew, error) {
	var all []*unit
	end := func() (err error) {
		for _, u := range all {
			err = errors.Join(err, u.wait())
		}
		return err
	}
	for range most {
		u, err := startUnit("worker")
		if err == nil {
			err = u.ready()
		}
		if err != nil {
			return crew{}, errors.Join(err, end())
		}
		all = append(all, u)
	}
	do := func(j Job, e Effort, n int) (s spent, err error) {
		s.elapsed, err = timed(func() error {
			for i, u := range all[:n] {
				part := shareOf(j, e, n, i)
				if _, err := fmt.Fprintln(u.in, part.rounds, part.pauses, int64(part.length)); err != nil {
					return err
				}
			}
			for _, u := range all[:n] {
				var used measure.Usage
				if _, err := fmt.Fscanln(u.out, &used.CPU, &used.Voluntary, &used.Involuntary); err != nil {
					return err
				}
				s.usage.CPU += used.CPU
				s.usage.Voluntary += used.Voluntary
				s.usage.Involuntary += used.Involuntary
			}
			return nil
		})
		return s, err
	}
	return crew{do, end}, nil
}

// workerUnit is a worker of its own process, until its input ends.
func workerUnit() error {
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var part share
		if _, err := fmt.Sscan(lines.Text(), &part.rounds, &part.pauses, &part.length); err != nil {
			return err
		}
		s, err := timedSelf(func() error { part.do(sleepInKernel); return nil })
		if err != nil {
			return err
		}
		fmt.Println(int64(s.usage.CPU), s.usage.Voluntary, s.usage.Involuntary)
	}
	return nil
}
