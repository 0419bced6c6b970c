//go:build !unix

package reactor

import (
	"testing"

	"github.com/weft-go/weft/poller"
)

func duplicate(t *testing.T, _ poller.FD) poller.FD {
	t.Skip("no loop on this system")
	return poller.NoFD
}
