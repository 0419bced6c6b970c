package sim_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// failing are tests that fail, for those below to look at from outside.
var failing = map[string]func(t *testing.T, w *sim.World){
	"in a task": func(t *testing.T, w *sim.World) {
		w.Host("host").Go("program", tasks(func(ctx context.Context) error {
			require.NoError(t, coro.Sleep(ctx, time.Second))
			require.Less(t, w.Seed(), uint64(12), "a test that seed 12 fails")
			return nil
		}))
	},
	"in a program": func(t *testing.T, w *sim.World) {
		w.Host("server").Daemon("echo", tasks(echo))
		w.Host("host").Go("program", func(os poller.OS) error {
			_, err := os.Wait(make([]poller.Event, 1), time.Second)
			require.NoError(t, err)
			require.Less(t, w.Seed(), uint64(12), "a test that seed 12 fails")
			return nil
		})
	},
	"by an error": func(_ *testing.T, w *sim.World) {
		w.Host("host").Go("program", tasks(func(ctx context.Context) error {
			if w.Seed() < 12 {
				return nil
			}
			return coro.Sleep(ctx, 48*time.Hour) // over the limit
		}))
	},
	"by chance": func(_ *testing.T, w *sim.World) {
		w.Host("host").Go("program", tasks(func(ctx context.Context) error {
			runs++ // something that is not the seed's
			return coro.Sleep(ctx, time.Duration(runs)*time.Second)
		}))
	},
	"by a panic": func(_ *testing.T, w *sim.World) {
		w.At(time.Second, func() { panic("of a script") })
		w.Host("host").Go("program", tasks(func(ctx context.Context) error { return coro.Sleep(ctx, time.Hour) }))
	},
	"on a channel of two programs": func(_ *testing.T, w *sim.World) {
		values := make(chan int)
		for _, name := range []string{"one", "another"} {
			w.Host(name).Go("program", func(poller.OS) error { <-values; return nil })
		}
	},
}

var runs int

func TestFailing(t *testing.T) {
	which := os.Getenv("WEFT_TEST_FAILING")
	if which == "" {
		t.Skip("is run by the tests below")
	}
	t.Run("it's (a+b)", func(t *testing.T) { sim.Test(t, failing[which]) })
}

// fail runs a failing test in a process of its own and returns what it says.
func fail(t *testing.T, which string, flags ...string) string {
	t.Helper()
	return failWith(t, "WEFT_TEST_FAILING="+which, flags...)
}

func failWith(t *testing.T, setting string, flags ...string) string {
	t.Helper()
	test := exec.Command(os.Args[0], append([]string{"-test.run=^TestFailing$"}, flags...)...)
	test.Env = append(os.Environ(), "WEFT_TEST_FAILING=by an error", setting)
	out, err := test.CombinedOutput()
	require.Error(t, err, "a test that fails:\n%s", out)
	return string(out)
}

// again is the command that a failure names, up to its seed.
const again = `go test -run '^TestFailing$/^it'\''s_\(a\+b\)$' -count=1 -weft.seed=`

func TestFailureIsReportedWithSeedTimeTraceAndCommand(t *testing.T) {
	for which, time := range map[string]string{"in a task": "1.0", "in a program": "1.0", "by an error": ""} {
		t.Run(which, func(t *testing.T) {
			out := fail(t, which, "-weft.seed=10", "-weft.runs=5")
			require.Contains(t, out, "seed 12, after "+time)
			require.Contains(t, out, "host start")
			require.Contains(t, out, again+"12 -weft.runs=1")
			require.NotContains(t, out, "seed 13", "the first failure is the last run")
			require.NotContains(t, out, "goroutine ", "a failed test ends in order")
			require.Contains(t, fail(t, which, "-weft.seed=12", "-weft.runs=1"), "seed 12", "the command, run")
		})
	}
}

func TestCheckFindsARunThatDoesNotRepeat(t *testing.T) {
	out := fail(t, "by chance", "-weft.check")
	require.Contains(t, out, "two runs of seed 1 differ: line ")
	require.Contains(t, out, "1.00")
	require.Contains(t, out, "2.00")
	require.Contains(t, out, again+"1 -weft.runs=1 -weft.check")
}

// What ends the process, too, is said with the seed.
func TestPanicOfATestIsReportedWithItsSeed(t *testing.T) {
	for which, says := range map[string]string{
		"by a panic":                   "panic: of a script",
		"on a channel of two programs": "all goroutines in bubble are blocked",
	} {
		t.Run(which, func(t *testing.T) {
			out := fail(t, which, "-weft.seed=12")
			require.Contains(t, out, says)
			require.Contains(t, out, "seed 12, after ")
			require.Contains(t, out, again+"12 -weft.runs=1")
		})
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for _, setting := range []string{"WEFT_SEED=abc", "WEFT_RUNS=1e4", "WEFT_CHECK=perhaps"} {
		require.Contains(t, failWith(t, setting), setting+": invalid syntax")
	}
	require.Contains(t, failWith(t, "WEFT_RUNS=0"), "nothing runs")
	require.Contains(t, fail(t, "by chance", "-weft.runs=0"), "nothing runs")
}

func TestProgramThatEndsItsGoroutineEndsTheTest(t *testing.T) {
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := sim.New(sim.Config{})
		defer w.Close()
		w.Host("server").Daemon("echo", tasks(echo))
		w.Host("host").Go("program", func(poller.OS) error {
			runtime.Goexit() // as FailNow does
			return nil
		})
		_ = w.Run()
		returned = true
	}()
	<-done
	require.False(t, returned, "Run has returned")
}
