package models

import (
	"fmt"
	"os"
	"testing"

	"github.com/weft-go/weft/poller/leaktest"
)

// TestMain makes this test binary the other process of a probe, when a probe has
// started it as that.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == UnitCommand {
		if err := Unit(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The race detector sleeps for a second before a process ends.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	leaktest.Main(m)
}
