package sim

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The flags of tests. Where other packages, which do not know them, are tested
// by the same command, the environment variables say the same.
var (
	seedFlag  = flag.Uint64("weft.seed", fromEnvironment("WEFT_SEED", 1, number), "the first seed of simulated worlds; WEFT_SEED")
	runsFlag  = flag.Uint64("weft.runs", fromEnvironment("WEFT_RUNS", 1, number), "how many seeds, one after the other; WEFT_RUNS")
	checkFlag = flag.Bool("weft.check", fromEnvironment("WEFT_CHECK", false, strconv.ParseBool), "run each seed twice and compare the traces; WEFT_CHECK")
)

// badSettings is what is wrong with the environment. Every test fails of it: one that
// goes on with something else than it was told shows nothing.
var badSettings error

func fromEnvironment[T any](name string, otherwise T, parse func(string) (T, error)) T {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	value, err := parse(text)
	if err != nil {
		badSettings = errors.Join(badSettings, fmt.Errorf("sim: %s=%s: %w", name, text, errors.Unwrap(err)))
		return otherwise
	}
	return value
}

func number(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) }

// Test runs body with a world of the zero Config: see [Config.Test].
func Test(t *testing.T, body func(t *testing.T, w *World)) {
	t.Helper()
	Config{}.Test(t, body)
}

// Test runs body with a world of this configuration, and then the world, if
// body has not done so: it is an error of the test's if a program fails or
// hangs. The flags -weft.seed and -weft.runs say how often, and with which
// seeds, one after the other up to the first that fails; the configuration's
// seed is added to them. What failed is reported with its seed, the virtual time,
// the end of the trace, and the command that runs it again. With -weft.check
// every seed runs twice, and a difference fails the test.
//
// It all happens in a bubble of testing/synctest: there time.Now is the virtual
// time, so that SetDeadline(time.Now().Add(d)) means what it says, and
// goroutines that a program starts beside its loop run before the clock goes on.
// What a bubble forbids is forbidden to body: t.Run, t.Parallel, real I/O.
func (c Config) Test(t *testing.T, body func(t *testing.T, w *World)) {
	t.Helper()
	if badSettings != nil {
		t.Fatal(badSettings)
	}
	if *runsFlag == 0 {
		t.Fatal("sim: nothing runs with -weft.runs=0, or WEFT_RUNS=0")
	}
	for n := range *runsFlag {
		first := c.testOnce(t, *seedFlag+n, body)
		if t.Failed() {
			return
		}
		if *checkFlag {
			if second := c.testOnce(t, *seedFlag+n, body); !t.Failed() && second.TraceHash() != first.TraceHash() {
				t.Errorf("sim: two runs of seed %d differ: %s\n%s", *seedFlag+n, difference(first, second), second.again(t.Name()))
			}
		}
	}
}

func (c Config) testOnce(t *testing.T, seed uint64, body func(t *testing.T, w *World)) (w *World) {
	t.Helper()
	c.Seed += seed
	if *checkFlag {
		c.Trace = -1
	}
	// Quirk(go): a task that FailNow has ended stays parked for good, and a
	// bubble panics about what stays behind. It has been reported already.
	defer func() {
		v := recover()
		if v != nil && !(t.Failed() && strings.Contains(fmt.Sprint(v), "blocked goroutines remain")) {
			panic(w.told(v, t.Name()))
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		w = New(c)
		w.flagSeed = seed
		w.enterBubble()
		// Order: the report before the end of the world, which changes the picture.
		defer w.Close()
		finished := false
		defer func() {
			if v := recover(); v != nil {
				panic(w.told(v, t.Name()))
			}
			if t.Failed() || !finished && !t.Skipped() {
				t.Log(w.failure(t.Name()))
			}
		}()
		body(t, w)
		if !w.ended {
			if err := w.Run(); err != nil {
				t.Error(err)
			}
		}
		finished = true
	})
	return w
}

// traceInReport is how many lines of the trace a report shows.
const traceInReport = 25

// failure is what there is to say about a test that failed.
func (w *World) failure(test string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, after %v of virtual time; the end of the trace:\n", w.flagSeed, w.now)
	w.WriteTrace(&b, traceInReport)
	b.WriteString(w.again(test))
	return b.String()
}

// again is the command that runs a test again with its seed, for a shell.
func (w *World) again(test string) string {
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(test), "/", "$/^") + "$"
	check := ""
	if *checkFlag {
		check = " -weft.check"
	}
	return fmt.Sprintf("to run it again: go test -run '%s' -count=1 -weft.seed=%d -weft.runs=1%s",
		strings.ReplaceAll(pattern, "'", `'\''`), w.flagSeed, check)
}

// told is what a panic that ends the process says, with what there is to say about the
// test: nothing else of it is printed any more.
func (w *World) told(v any, test string) any {
	if w == nil || strings.Contains(fmt.Sprint(v), "to run it again: ") {
		return v
	}
	return fmt.Sprintf("%v\n%s", v, w.failure(test))
}

// enterBubble makes the world part of the bubble that the caller is in.
func (w *World) enterBubble() {
	w.epoch = time.Now()
	w.outside = &outside{timer: time.NewTimer(0)}
}

// difference is the first line in which two traces differ.
func difference(a, b *World) string {
	for i := range min(len(a.trace.lines), len(b.trace.lines)) {
		if x, y := a.trace.lines[i].String(), b.trace.lines[i].String(); x != y {
			return fmt.Sprintf("line %d is\n%s\nand\n%s", i+1, x, y)
		}
	}
	return fmt.Sprintf("after %d and %d lines", len(a.trace.lines), len(b.trace.lines))
}
