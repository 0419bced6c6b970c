package load

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/weft-go/weft/poller/leaktest"
)

// asGenerator makes this test binary a generator process.
const asGenerator = "WEFT_LOAD_TEST_AS_GENERATOR"

func TestMain(m *testing.M) {
	if os.Getenv(asGenerator) != "" {
		ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		if err := Control(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Setenv(asGenerator, "1")
	// The race detector sleeps for a second before a process ends, to catch
	// goroutines in the act; here these are other processes' ends.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	leaktest.Main(m)
}
