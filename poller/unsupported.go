//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package poller

import (
	"errors"
	"fmt"
	"runtime"
)

// open has nothing to open here. Readiness on Windows (AFD over an I/O
// completion port, as mio and libuv do it) would be one more set of files.
func open(Config) (OS, error) {
	return nil, fmt.Errorf("poller: %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
