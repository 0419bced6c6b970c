//go:build linux

package prefork

import (
	"os"
	"testing"

	"github.com/weft-go/weft/poller/leaktest"
)

// A test binary that is started with programVariable in its environment is the
// program of program_test.go, in all its processes.
func TestMain(m *testing.M) {
	if text := os.Getenv(programVariable); text != "" {
		os.Exit(runProgram(text))
	}
	leaktest.Main(m)
}
