package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller/leaktest"
)

const programVariable = "WEFT_JOBS_PROGRAM"

// A test binary with the variable runs jobs in processes and prints the results.
func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		program()
		return
	}
	leaktest.Main(m)
}

// program squares numbers. Number 7 kills its process, the first time.
func program() {
	marker := os.Getenv(programVariable)
	err := Run(context.Background(), Options{Kind: Processes, Workers: 3, Retries: 1}, slices.Values(numbers(40)),
		func(_ context.Context, n int) (string, error) {
			switch n {
			case 7:
				if f, err := os.OpenFile(marker, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
					f.Close()
					os.Exit(9)
				}
			case 9:
				return "", errors.New("no nines")
			}
			return fmt.Sprint(n * n), nil
		},
		func(i int, a string, err error) error {
			fmt.Println(i, a, err)
			return nil
		})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func numbers(n int) (s []int) {
	for i := range n {
		s = append(s, i)
	}
	return s
}

func TestJobsInProcessesSurviveACrash(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	marker := t.TempDir() + "/crashed"
	cmd.Env = append(os.Environ(), programVariable+"="+marker, "GORACE=atexit_sleep_ms=0")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	out, err := cmd.Output()
	if err != nil && strings.Contains(string(out), errors.ErrUnsupported.Error()) {
		t.Skip("no processes on this system")
	}
	require.NoError(t, err, "%s", out)
	require.FileExists(t, marker, "the crash")
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, 40)
	for i, line := range lines {
		switch i {
		case 9:
			require.Contains(t, line, "9  job 9 failed, attempt 2: ")
			require.Contains(t, line, "no nines")
		default:
			require.Equal(t, fmt.Sprintf("%d %d <nil>", i, i*i), line)
		}
	}
}

func TestJobsComeBackInOrder(t *testing.T) {
	for _, kind := range []Kind{Goroutines, Threads} {
		t.Run(kind.String(), func(t *testing.T) {
			var running, most atomic.Int64
			var got []int
			// Each job ends only after the one behind it, within a pair.
			var pairs [100]chan struct{}
			for i := range pairs {
				pairs[i] = make(chan struct{})
			}
			err := Run(t.Context(), Options{Kind: kind, Workers: 4}, slices.Values(numbers(200)),
				func(_ context.Context, n int) (int, error) {
					most.Store(max(most.Load(), running.Add(1)))
					defer running.Add(-1)
					if n%2 == 0 {
						<-pairs[n/2]
					} else {
						close(pairs[n/2])
					}
					return n, nil
				},
				func(i, a int, err error) error {
					require.NoError(t, err)
					require.Equal(t, i, a)
					got = append(got, a)
					return nil
				})
			require.NoError(t, err)
			require.Equal(t, numbers(200), got)
			require.LessOrEqual(t, most.Load(), int64(4))
		})
	}
}

func TestJobsThatFailAreRetriedAndReported(t *testing.T) {
	var tries [10]atomic.Int64
	failed := 0
	err := Run(t.Context(), Options{Workers: 3, Retries: 2}, slices.Values(numbers(10)),
		func(_ context.Context, n int) (int, error) {
			switch try := tries[n].Add(1); {
			case n == 3 && try < 3:
				return 0, errors.New("not yet")
			case n == 5:
				panic("five")
			}
			return n, nil
		},
		func(i, a int, err error) error {
			if i != 5 {
				require.NoError(t, err)
				require.Equal(t, i, a)
				return nil
			}
			failed++
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, 5, e.Index)
			require.Equal(t, 3, e.Attempts)
			var p *PanicError
			require.ErrorAs(t, err, &p)
			require.Equal(t, "five", p.Value)
			return nil
		})
	require.NoError(t, err)
	require.Equal(t, 1, failed)
	require.Equal(t, int64(3), tries[3].Load())
}

func TestJobsStopWhenTheResultIsRefused(t *testing.T) {
	enough := errors.New("enough")
	asked := 0
	err := Run(t.Context(), Options{Workers: 2, Ahead: 3}, func(yield func(int) bool) {
		for i := 0; yield(i); i++ {
			asked++
		}
	}, func(_ context.Context, n int) (int, error) { return n, nil }, func(i, _ int, _ error) error {
		if i == 10 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.LessOrEqual(t, asked, 10+3+3, "questions asked ahead")

	ctx, cancel := context.WithCancel(t.Context())
	err = Run(ctx, Options{Workers: 2}, slices.Values(numbers(1000)),
		func(ctx context.Context, n int) (int, error) {
			if n == 20 {
				cancel()
				<-ctx.Done()
			}
			return n, nil
		}, func(int, int, error) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}
