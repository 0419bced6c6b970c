package backend

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/weft-go/weft/bench/child"
)

// A backend that is another program runs as a child of the server process, which
// does nothing meanwhile. What is measured of a server is measured of its children
// too.

// external is a program that is being a backend.
type external struct {
	cmd    *exec.Cmd
	ended  chan struct{} // closed when it has ended
	status error         // how, once ended is closed
	said   child.Diagnosis
}

// stopLimit is how long a program may take to end when it is asked to.
//
// Bound: Apache waits for its children, some seconds on a busy machine; less than who
// stops the server waits for it.
const stopLimit = 30 * time.Second

// startExternal starts cmd. It ends with this process, however that ends. The
// caller's goroutine has to be locked to its thread until stop.
func startExternal(cmd *exec.Cmd) (*external, error) {
	e := &external{cmd: cmd, ended: make(chan struct{})}
	cmd.Stderr = &e.said
	cmd.SysProcAttr = endWithUs()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		e.status = cmd.Wait()
		close(e.ended)
	}()
	return e, nil
}

// stop ends the program as its user would.
func (e *external) stop() error {
	_ = e.cmd.Process.Signal(syscall.SIGTERM)
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-e.ended:
		return nil
	case <-limit.C:
		_ = e.cmd.Process.Kill()
		<-e.ended
		return fmt.Errorf("%s did not end within %v", e.cmd.Path, stopLimit)
	}
}

// lost says why a program has ended that was not to.
func (e *external) lost() error {
	if words := e.said.String(); words != "" {
		return fmt.Errorf("%s: %s", e.cmd.Path, words)
	}
	return fmt.Errorf("%s: ended: %w", e.cmd.Path, errors.Join(e.status, errors.New("without a word")))
}

// run waits for ctx, and ends the program.
func (e *external) run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return e.stop()
	case <-e.ended:
		return e.lost()
	}
}

// serveScript runs an echo server whose last arguments are host and port and that says
// where it listens. The interpreter gets it as an argument, behind a flag, so that
// there is no file that a killed server would leave.
func serveScript(ctx context.Context, c Config, interpreter, flag, script string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return err
	}
	if host == "" {
		host = "0.0.0.0" // asyncio does not share a socket between the two families
	}
	cmd := exec.Command(interpreter, flag, script, host, port)
	out, childOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout = childOut
	e, err := startExternal(cmd)
	childOut.Close()
	if err != nil {
		return err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil { // it has ended, or closed its output, which it does not
		_ = e.stop()
		return e.lost()
	}
	c.Ready(strings.TrimSpace(addr))
	return e.run(ctx)
}

// serveConfigured runs a server that is told its address and does not say when it
// listens: it is asked until it answers. Write writes its files to a directory of
// its own and returns the command.
func serveConfigured(ctx context.Context, c Config, write func(dir, addr string) (*exec.Cmd, error)) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	addr, err := chooseAddr(c.Addr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // its workers may be another user
		return err
	}
	cmd, err := write(dir, addr)
	if err != nil {
		return err
	}
	e, err := startExternal(cmd)
	if err != nil {
		return err
	}
	if err := e.awaitListener(ctx, addr); err != nil {
		return errors.Join(err, e.stop())
	}
	c.Ready(addr)
	return e.run(ctx)
}

// awaitListener tries to connect until somebody accepts.
func (e *external) awaitListener(ctx context.Context, addr string) error {
	const pause = 20 * time.Millisecond
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-time.After(pause):
		case <-e.ended:
			return e.lost()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// chooseAddr replaces port 0 by one that is free now, and an empty host by all
// IPv4 addresses. Another program can take the port before ours does; it then says
// so and ends.
func chooseAddr(addr string) (string, error) {
	ln, err := net.Listen("tcp4", addr)
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
