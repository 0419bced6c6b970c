package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/weft-go/weft/bench/pin"
)

// stopLimit is how long a child may take to end.
//
// Bound: thousands of threads or connections are to be ended first; 20 000 threads take
// longer than ten seconds.
const stopLimit = time.Minute

// Options say what to start.
type Options struct {
	// Name is how errors call the child: "server net".
	Name string
	// Args are the arguments of this program.
	Args []string
	// Env is added to this process's environment, as "KEY=value".
	Env []string
	// CPUs are where it runs; with none the kernel chooses.
	CPUs []int
}

// Process is a child. Its methods belong to one goroutine.
type Process struct {
	name   string
	cmd    *exec.Cmd
	input  *os.File // what we say
	output *os.File // what it says
	lines  *bufio.Reader
	stderr Diagnosis
	done   chan struct{} // closed when it has ended
	ended  error         // how, once done is closed
}

// Start starts a child. It has to be closed. Errors: those of a process that
// cannot be started.
//
// Quirk(linux): the child is killed when the thread that started it ends, so the
// caller's goroutine is to stay locked to a thread, or never be.
func Start(o Options) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{name: o.Name, cmd: exec.Command(self, o.Args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.Stderr = &p.stderr
	p.cmd.SysProcAttr = attributes()
	if err := p.launch(o.CPUs); err != nil {
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

// Say sends a line, which is without its end. The error says how the child ended.
func (p *Process) Say(line string) error {
	if _, err := p.input.WriteString(line + "\n"); err != nil {
		return p.lost()
	}
	return nil
}

// Line reads what the child says next, without the line's end. Errors: ctx.Err(),
// a child that says nothing within limit, and how the child ended.
func (p *Process) Line(ctx context.Context, limit time.Duration) (string, error) {
	if err := p.output.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, func() { _ = p.output.SetReadDeadline(time.Unix(1, 0)) })()
	line, err := p.lines.ReadString('\n')
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", fmt.Errorf("%s did not answer within %v", p.name, limit)
	case err != nil:
		return "", p.lost()
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// Stop ends the child as its user would, and waits. An error says how the child
// ended, if not well: also when it had ended before.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.input.Close() // where there is no such signal
	if err := p.wait(); err != nil || p.ended == nil {
		return err
	}
	if why := p.stderr.firstLine(); why != "" {
		return fmt.Errorf("%s: %s", p.name, why)
	}
	return fmt.Errorf("%s: %w", p.name, p.ended)
}

// lost says why a child that was to answer does not.
func (p *Process) lost() error {
	if err := p.Stop(); err != nil {
		return err
	}
	return fmt.Errorf("%s has ended", p.name)
}

func (p *Process) wait() error {
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-p.done:
		return nil
	case <-limit.C:
		return fmt.Errorf("%s did not end within %v", p.name, stopLimit)
	}
}

// Close kills the child if it still runs, waits for it, and releases the pipes.
func (p *Process) Close() {
	_ = p.cmd.Process.Kill()
	<-p.done
	p.input.Close()
	p.output.Close()
}
