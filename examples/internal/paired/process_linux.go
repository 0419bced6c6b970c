package paired

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/examples/internal/child"
)

// Where the two sides run.
const (
	ServerCPU = "0"
	LoadCPU   = "1"
)

// Pinned is the beginning of a command line that keeps a program on a CPU.
func Pinned(cpu string) []string { return []string{"taskset", "-c", cpu} }

// Options are what a process is started with.
type Options struct {
	CPU string
	// Env is beside the environment of the test; Args are the arguments.
	Env, Args []string
	// Silent is for a process that listens nowhere, and so does not begin by saying where.
	Silent bool
}

// Process is the test binary as the example, or in another role that its
// environment tells it, on one CPU.
type Process struct {
	Addr string
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said bytes.Buffer
}

// Start starts it, and waits until it listens. It has to be stopped.
func Start(t *testing.T, o Options) *Process {
	t.Helper()
	taskset, err := exec.LookPath("taskset")
	require.NoError(t, err, "taskset, of package util-linux")
	p := &Process{t: t, cmd: child.Command(o.Args...)}
	p.cmd.Args = append(append(Pinned(o.CPU), p.cmd.Path), p.cmd.Args[1:]...)
	p.cmd.Path = taskset
	p.cmd.Env = append(p.cmd.Env, o.Env...)
	p.cmd.Stderr = &p.said
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	p.out = bufio.NewReader(stdout)
	if !o.Silent {
		p.Addr = strings.TrimSpace(strings.TrimPrefix(p.line(), "listening on "))
	}
	return p
}

// Stop ends it.
func (p *Process) Stop() {
	_ = p.in.Close()
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // nothing of it is wanted any more
	_ = p.cmd.Wait()
	require.Empty(p.t, p.said.String(), "what the process said on its standard error")
}

// Ask writes a line to its standard input, and reads one from its output.
func (p *Process) Ask(words ...any) (answer string) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, words...)
	require.NoError(p.t, err)
	return p.line()
}

func (p *Process) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	require.NoError(p.t, err, "a line of the process; it said: %s", &p.said)
	return line
}

// CPU is what the process has used so far, of user and system time.
func (p *Process) CPU() time.Duration { return CPU(p.t, p.cmd.Process.Pid) }

// CPU is what a process has used so far, of user and system time in all its threads.
func CPU(t *testing.T, pid int) time.Duration {
	t.Helper()
	// Quirk(linux): the number of a process's CPU clock; see clock_getcpuclockid(3).
	const schedClock = 2
	var ts unix.Timespec
	require.NoError(t, unix.ClockGettime(int32(^pid)<<3|schedClock, &ts))
	return time.Duration(ts.Nano())
}

// Resident is the memory that is the process's own, in bytes: heap and stacks.
func (p *Process) Resident() float64 { return Resident(p.t, p.cmd.Process.Pid) }

// Resident is the memory that is a process's own, in bytes: heap and stacks.
func Resident(t testing.TB, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "Pss_Anon: %f kB", &kib); n == 1 {
			return kib * 1024
		}
	}
	t.Fatal("no Pss_Anon in smaps_rollup")
	return 0
}
