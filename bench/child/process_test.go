package child

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller/leaktest"
)

// asChild makes this test binary a child, which does what its argument says.
const asChild = "WEFT_CHILD_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asChild) == "" {
		leaktest.Main(m)
	}
	lines := bufio.NewScanner(os.Stdin)
	switch os.Args[1] {
	case "echo":
		for lines.Scan() {
			fmt.Println(os.Getenv("GREETING") + lines.Text())
		}
	case "silent":
		lines.Scan()
	case "fail":
		fmt.Fprint(os.Stderr, "bench: no luck today\nand more\n")
		os.Exit(3)
	}
	os.Exit(0)
}

func startChild(t *testing.T, arg string) *Process {
	t.Helper()
	p, err := Start(Options{Name: "child", Args: []string{arg}, Env: []string{asChild + "=1", "GREETING=hello ", "GORACE=atexit_sleep_ms=0"}})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	require.Positive(t, p.PID())
	return p
}

const limit = time.Minute

func TestProcessAnswersLines(t *testing.T) {
	p := startChild(t, "echo")
	for _, word := range []string{"one", "two", ""} {
		require.NoError(t, p.Say(word))
		line, err := p.Line(t.Context(), limit)
		require.NoError(t, err)
		require.Equal(t, "hello "+word, line)
	}
}

func TestProcessTellsHowItEnded(t *testing.T) {
	p := startChild(t, "fail")
	_, err := p.Line(t.Context(), limit)
	require.EqualError(t, err, "child: no luck today")
	<-p.Done()
	require.EqualError(t, p.Say("anybody there?"), "child: no luck today")
	require.EqualError(t, p.Stop(), "child: no luck today")
}

func TestProcessThatSaysNothingIsNotWaitedForForEver(t *testing.T) {
	p := startChild(t, "silent")
	_, err := p.Line(t.Context(), time.Millisecond)
	require.EqualError(t, err, "child did not answer within 1ms")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Line(ctx, limit)
	require.ErrorIs(t, err, context.Canceled)
}

func TestProcessIsKilledByClose(t *testing.T) {
	p := startChild(t, "silent")
	p.Close()
	<-p.Done()
	require.Error(t, p.Stop())
}
