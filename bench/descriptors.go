package main

import (
	"fmt"

	"github.com/weft-go/weft/bench/load"
)

const (
	// descriptorReserve is what a process needs beside its connections: the
	// standard three, the poller, pipes to servers, a file being read.
	descriptorReserve = 100
	// portsPerServer is how many connections one client address can have to
	// one server address.
	//
	// Bound: Linux's range of local ports, 32768 to 60999, with some left for
	// everybody else.
	portsPerServer = 28_000
)

// connsThatFit tells how many connections one process can have here, and what
// the limit is. It raises the soft limit on descriptors to the hard one.
func connsThatFit() (fit int, why string, err error) {
	limit, err := load.RaiseDescriptors()
	if err != nil {
		return 0, "", err
	}
	if limit >= portsPerServer+descriptorReserve {
		return portsPerServer, "one client address has ports for", nil
	}
	return max(int(limit)-descriptorReserve, 0), fmt.Sprintf("the limit of %d descriptors allows", limit), nil
}
