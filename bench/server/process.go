package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/poller"
)

const (
	// answerLimit is how long a server may take to listen, and to answer.
	//
	// Bound: a collection with 15 000 threads takes a second or two.
	answerLimit = 20 * time.Second
	// stopLimit is how long it may take to end.
	//
	// Bound: thousands of threads or connections are to be ended first.
	stopLimit = 10 * time.Second
	// diagnosisLimit is how much of what a dying server writes is kept, bytes.
	// The first line tells what happened; a Go trace follows it.
	diagnosisLimit = 4 << 10
)

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

// Process is a server process that was started here. Its methods belong to one
// goroutine.
type Process struct {
	// Addr is where it listens.
	Addr poller.Addr

	name   string
	cmd    *exec.Cmd
	input  *os.File // commands to the server
	output *os.File // its answers
	lines  *bufio.Reader
	stderr diagnosis
	done   chan struct{} // closed when it has ended
	ended  error         // how, once done is closed
}

// Start starts a server and waits until it listens. It has to be closed.
// Errors: ctx.Err(), those of a process that cannot be started, and what the
// server says when it cannot listen.
//
// Quirk(linux): the server is killed when the thread that started it ends, so
// the caller's goroutine is to stay locked to a thread, or never be.
func Start(ctx context.Context, o Options) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{name: o.Backend, done: make(chan struct{})}
	p.cmd = exec.Command(self, "serve", "--control", "--backend="+o.Backend, "--addr=127.0.0.1:0")
	if o.Loops > 0 {
		p.cmd.Args = append(p.cmd.Args, "--loops="+strconv.Itoa(o.Loops))
	}
	if o.Workload != "" {
		p.cmd.Args = append(p.cmd.Args, "--workload="+string(o.Workload))
	}
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(o.Plan.ServerProcs))
	p.cmd.Stderr = &p.stderr
	p.cmd.SysProcAttr = attributes()
	if err := p.launch(o.Plan.ServerCPUs); err != nil {
		return nil, err
	}
	line, err := p.line(ctx)
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

// launch starts the process with a pipe to it and one from it. The pipes are
// our own, because those of exec.Cmd are closed by Wait, which runs at once.
func (p *Process) launch(cpus []int) error {
	childInput, input, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childInput.Close()
	output, childOutput, err := os.Pipe()
	if err != nil {
		input.Close()
		return err
	}
	defer childOutput.Close()
	p.cmd.Stdin, p.cmd.Stdout = childInput, childOutput
	if err := pin.Child(cpus, p.cmd.Start); err != nil {
		if p.cmd.Process != nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
		input.Close()
		output.Close()
		return err
	}
	p.input, p.output, p.lines = input, output, bufio.NewReader(output)
	go func() {
		p.ended = p.cmd.Wait()
		close(p.done)
	}()
	return nil
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

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
	if _, err := p.input.WriteString(command + "\n"); err != nil {
		return p.lost()
	}
	line, err := p.line(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(line), answer)
}

// line reads what the server says next.
func (p *Process) line(ctx context.Context) (string, error) {
	if err := p.output.SetReadDeadline(time.Now().Add(answerLimit)); err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, func() { _ = p.output.SetReadDeadline(time.Unix(1, 0)) })()
	line, err := p.lines.ReadString('\n')
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", fmt.Errorf("server %s did not answer within %v", p.name, answerLimit)
	case err != nil:
		return "", p.lost()
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// Stop ends the server as its user would, and waits. An error says how the
// server ended, if not well: also when it had ended before.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.input.Close() // where there is no such signal
	if err := p.wait(); err != nil || p.ended == nil {
		return err
	}
	if why := p.stderr.firstLine(); why != "" {
		return fmt.Errorf("server %s: %s", p.name, why)
	}
	return fmt.Errorf("server %s: %w", p.name, p.ended)
}

// lost says why a server that was to answer does not.
func (p *Process) lost() error {
	if err := p.Stop(); err != nil {
		return err
	}
	return fmt.Errorf("server %s has ended", p.name)
}

func (p *Process) wait() error {
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.done:
		return nil
	case <-limit.C:
		return fmt.Errorf("server %s did not end within %v", p.name, stopLimit)
	}
}

// Close kills the server if it still runs, waits for it, and releases the
// pipes.
func (p *Process) Close() {
	_ = p.cmd.Process.Kill()
	<-p.done
	p.input.Close()
	p.output.Close()
}

// diagnosis keeps the beginning of what a process writes to its standard
// error.
type diagnosis struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

func (d *diagnosis) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept.Write(p[:min(len(p), diagnosisLimit-d.kept.Len())])
	return len(p), nil
}

func (d *diagnosis) firstLine() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	line, _, _ := strings.Cut(strings.TrimSpace(d.kept.String()), "\n")
	return strings.TrimPrefix(line, "bench: ")
}
