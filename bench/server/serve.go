package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/reactor/prefork"
)

// listeningOn begins the line that tells the address.
const listeningOn = "listening on "

// The commands of the control channel.
const (
	commandStats = "stats" // collect garbage, then answer Stats
	commandUsage = "usage" // answer measure.Usage
)

// Stats is the answer to the command stats.
type Stats struct {
	measure.Runtime
	measure.Usage
}

// StartError is a failure before the server listened: of its address or its
// configuration.
type StartError struct{ Err error }

func (e *StartError) Error() string { return e.Err.Error() }

func (e *StartError) Unwrap() error { return e.Err }

// Serve runs a backend until ctx ends and tells on out where it listens. With
// a control channel it answers the commands that come from it, and ends when
// it does. Errors: StartError, or what the backend failed with.
func Serve(ctx context.Context, b backend.Backend, c backend.Config, control io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := false
	c.Ready = func(addr string) {
		ready = true
		fmt.Fprintln(out, listeningOn+addr)
		if control != nil {
			// It ends with the process: a read of the standard input cannot
			// be interrupted.
			go func() {
				defer cancel()
				answer(control, out)
			}()
		}
	}
	var err error
	if !prefork.InWorker() { // its master has taken the address
		err = checkFree(ctx, c.Addr)
	}
	if err == nil {
		backend.Prepare(c.Workload)
		err = b.Serve(ctx, c)
	}
	if err != nil && !ready {
		return &StartError{err}
	}
	return err
}

// checkFree refuses an address that somebody listens on. Most backends would
// notice, but those whose loops share the port by SO_REUSEPORT would share it
// with another server of that kind, too, and get half of its connections.
func checkFree(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return ln.Close()
}

// answer serves the control channel until it ends or out does.
func answer(control io.Reader, out io.Writer) {
	answers := json.NewEncoder(out)
	for lines := bufio.NewScanner(control); lines.Scan(); {
		// A system without rusage answers zeros, which nobody asks it for.
		usage, _ := measure.OfSelf()
		var err error
		switch lines.Text() {
		case commandStats:
			err = answers.Encode(Stats{Runtime: measure.OfRuntime(), Usage: usage})
		case commandUsage:
			err = answers.Encode(usage)
		default:
			return
		}
		if err != nil {
			return
		}
	}
}
