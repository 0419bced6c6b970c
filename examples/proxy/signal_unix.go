//go:build unix

package main

import (
	"os"
	"syscall"
)

// reportSignals make the proxy print its counters.
var reportSignals = []os.Signal{syscall.SIGUSR1}
