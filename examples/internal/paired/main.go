package paired

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/weft-go/weft/examples/internal/child"
)

// variable, when set beside child's, makes a test binary the server over package
// net instead of the example.
const variable = "WEFT_OVER_NET"

// Main is child.Main for an example whose tests have a server over package net.
func Main(m *testing.M, example, overNet func(), excused ...goleak.Option) {
	if os.Getenv(variable) == "1" {
		example = overNet
	}
	child.Main(m, example, excused...)
}
