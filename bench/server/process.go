package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/child"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/poller"
)

// answerLimit is how long a server may take to listen, and to answer.
//
// Bound: a collection with 15 000 threads takes a second or two, and on a busy machine
// an interpreter, or Apache with all its threads, some ten until it listens.
const answerLimit = time.Minute

// Options say which server to start.
type Options struct {
	Backend string
	// Loops as in backend.Config; 0 leaves it to the server.
	Loops int
	// Workload as in backend.Config.
	Workload backend.Workload
	// Plan says where it runs.
	Plan pin.Plan
}

// Process is a server process that was started here: see [child.Process] for how
// it is ended. Its methods belong to one goroutine.
type Process struct {
	*child.Process
	// Addr is where it listens.
	Addr poller.Addr
}

// Start starts a server and waits until it listens. It has to be closed.
// Errors: ctx.Err(), those of a process that cannot be started, and what the
// server says when it cannot listen. Who may call: see [child.Start].
func Start(ctx context.Context, o Options) (*Process, error) {
	args := []string{"serve", "--control", "--backend=" + o.Backend, "--addr=127.0.0.1:0"}
	if o.Loops > 0 {
		args = append(args, "--loops="+strconv.Itoa(o.Loops))
	}
	if o.Workload != "" {
		args = append(args, "--workload="+string(o.Workload))
	}
	process, err := child.Start(child.Options{
		Name: "server " + o.Backend,
		Args: args,
		Env:  []string{"GOMAXPROCS=" + strconv.Itoa(o.Plan.ServerProcs)},
		CPUs: o.Plan.ServerCPUs,
	})
	if err != nil {
		return nil, err
	}
	p := &Process{Process: process}
	line, err := p.Line(ctx, answerLimit)
	addr, found := strings.CutPrefix(line, listeningOn)
	if err == nil && !found {
		err = fmt.Errorf("server %s said %q", o.Backend, line)
	}
	if err == nil {
		p.Addr.AddrPort, err = netip.ParseAddrPort(addr)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Stats lets the server collect its garbage and report on itself.
func (p *Process) Stats(ctx context.Context) (Stats, error) {
	var s Stats
	return s, p.ask(ctx, commandStats, &s)
}

// Usage is what the server has consumed: read from outside where the system
// can do that, otherwise by its own account.
func (p *Process) Usage(ctx context.Context) (measure.Usage, error) {
	u, err := measure.OfProcess(p.PID())
	if errors.Is(err, errors.ErrUnsupported) {
		err = p.ask(ctx, commandUsage, &u)
	}
	return u, err
}

func (p *Process) ask(ctx context.Context, command string, answer any) error {
	if err := p.Say(command); err != nil {
		return err
	}
	line, err := p.Line(ctx, answerLimit)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(line), answer)
}
