//go:build !unix

package main

import "os"

// reportSignals make the proxy print its counters; here there is none.
var reportSignals []os.Signal
