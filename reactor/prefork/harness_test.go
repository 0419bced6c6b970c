//go:build linux

package prefork

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stuck is when a test gives up. Nothing is timed with it.
const stuck = 30 * time.Second

// running is the program, with all its processes. They write to one pipe, which
// ends when the last of them has.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	addr  string
	ended chan struct{} // the first process has been waited for
	gone  chan struct{} // no process holds the log any more

	mu      sync.Mutex
	lines   []logLine
	changed chan struct{}
	checked int // lines that waitFor has passed
}

// logLine is a line of the log; what is no JSON is a message alone.
type logLine map[string]any

func (l logLine) String() string { return fmt.Sprint(map[string]any(l)) }

func (l logLine) pid() int {
	n, _ := l["pid"].(float64)
	return int(n)
}

// start starts the program and waits until all workers serve.
func start(t *testing.T, p program) *running {
	t.Helper()
	r := launch(t, p, "")
	line := r.waitFor("prefork: all workers serve")
	r.addr = line["addrs"].([]any)[0].(string)
	return r
}

// launch starts the program, from a path if it is not empty. Every process that
// it starts ends with the test.
func launch(t *testing.T, p program, path string, change ...func(*exec.Cmd)) *running {
	t.Helper()
	if p.Network == "" {
		p.Network, p.Addr = "tcp", "127.0.0.1:0"
	}
	if p.Drain == 0 {
		p.Drain = stuck
	}
	if p.Workers == 0 {
		p.Workers = 2
	}
	config, err := json.Marshal(p)
	require.NoError(t, err)
	if path == "" {
		path = os.Args[0]
	}
	out, in, err := os.Pipe()
	require.NoError(t, err)
	r := &running{t: t, cmd: exec.Command(path), ended: make(chan struct{}), gone: make(chan struct{}), changed: make(chan struct{})}
	r.cmd.Env = append(os.Environ(), programVariable+"="+string(config), "GORACE=atexit_sleep_ms=0", "GOTRACEBACK=single")
	r.cmd.Stderr = in
	for _, c := range change {
		c(r.cmd)
	}
	require.NoError(t, r.cmd.Start())
	in.Close()
	go func() { _ = r.cmd.Wait(); close(r.ended) }()
	go r.readLog(out)
	t.Cleanup(r.end)
	return r
}

// end ends what the test has left, by process number.
func (r *running) end() {
	select {
	case <-r.gone:
	default:
		for _, pid := range r.pids() {
			if isOurs(pid) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	select {
	case <-r.gone:
	case <-time.After(stuck):
		r.t.Errorf("processes are left that hold the log open: %v", r.pids())
	}
	<-r.ended
	if r.t.Failed() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, l := range r.lines {
			r.t.Log(l)
		}
	}
}

// pids are all processes that the log names, the first one last.
func (r *running) pids() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	pids := []int{}
	for _, l := range r.lines {
		if pid := l.pid(); pid > 0 && !slices.Contains(pids, pid) {
			pids = append(pids, pid)
		}
	}
	slices.Reverse(pids)
	return append(pids, r.cmd.Process.Pid)
}

// isOurs reports whether a number still is that of a process of this test's.
func isOurs(pid int) bool {
	env, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "environ"))
	return err == nil && bytes.Contains(env, []byte(programVariable+"="))
}

func (r *running) readLog(out *os.File) {
	defer close(r.gone)
	defer out.Close()
	in := bufio.NewReader(out)
	for {
		text, err := in.ReadString('\n')
		if text != "" {
			l := logLine{}
			if json.Unmarshal([]byte(text), &l) != nil {
				l = logLine{"msg": strings.TrimSpace(text)}
			}
			r.mu.Lock()
			r.lines = append(r.lines, l)
			close(r.changed)
			r.changed = make(chan struct{})
			r.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// waitFor waits for a line with the message and, if they are given, the values of
// attributes, behind the last one that was waited for.
func (r *running) waitFor(msg string, attributes ...any) logLine {
	r.t.Helper()
	giveUp := time.After(stuck)
	for {
		r.mu.Lock()
		changed := r.changed
		for r.checked < len(r.lines) {
			l := r.lines[r.checked]
			r.checked++
			if strings.Contains(fmt.Sprint(l["msg"]), msg) && l.has(attributes) {
				r.mu.Unlock()
				return l
			}
		}
		r.mu.Unlock()
		select {
		case <-changed:
		case <-r.gone:
			r.mu.Lock()
			more := r.checked < len(r.lines)
			r.mu.Unlock()
			if !more {
				require.Fail(r.t, "the program has ended", "without saying %q %v", msg, attributes)
			}
		case <-giveUp:
			require.Fail(r.t, "the program does not say it", "%q %v", msg, attributes)
		}
	}
}

func (l logLine) has(attributes []any) bool {
	for i := 0; i < len(attributes); i += 2 {
		if fmt.Sprint(l[attributes[i].(string)]) != fmt.Sprint(attributes[i+1]) {
			return false
		}
	}
	return true
}

// from makes waitFor begin again at the first line.
func (r *running) rewind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checked = 0
}

// said counts the lines of a message so far.
func (r *running) said(msg string, attributes ...any) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, l := range r.lines {
		if strings.Contains(fmt.Sprint(l["msg"]), msg) && l.has(attributes) {
			n++
		}
	}
	return n
}

func (r *running) signal(s syscall.Signal) {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(s))
}

// waitEnd waits for the first process and returns its exit status.
func (r *running) waitEnd() int {
	r.t.Helper()
	wait(r.t, r.ended, "the end of the program")
	return r.cmd.ProcessState.ExitCode()
}

// waitGone waits until no process is left.
func (r *running) waitGone() {
	r.t.Helper()
	wait(r.t, r.gone, "the end of all processes")
}

func wait[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(stuck):
		require.Fail(t, "it does not come", "waited for %s", what)
		panic("not reached")
	}
}

// client is a connection to the program.
type client struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

// answer is what the program says to a line.
type answer struct {
	N, PID, Generation int
	Config, Line       string
}

func (r *running) dial() *client {
	r.t.Helper()
	c, err := dial(r.addr)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	return &client{c, r.t, bufio.NewReader(c)}
}

func dial(addr string) (net.Conn, error) {
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	c, err := net.Dial(network, addr)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(4 * stuck))
	}
	return c, err
}

// say sends a line and returns the answer.
func (c *client) say(line string) answer {
	c.t.Helper()
	a, err := say(c.Conn, c.in, line)
	require.NoError(c.t, err, "the answer to %q", line)
	return a
}

func say(c net.Conn, in *bufio.Reader, line string) (a answer, err error) {
	if _, err = io.WriteString(c, line+"\n"); err != nil {
		return a, err
	}
	text, err := in.ReadString('\n')
	if err != nil {
		return a, err
	}
	fields := strings.SplitN(strings.TrimSpace(text), " ", 5)
	if len(fields) != 5 {
		return a, fmt.Errorf("answer %q", text)
	}
	if _, err = fmt.Sscan(strings.Join(fields[:3], " "), &a.N, &a.PID, &a.Generation); err != nil {
		return a, err
	}
	a.Config, a.Line = strings.TrimSuffix(fields[3], "-"), fields[4]
	if strings.HasPrefix(line, "hello") && a.Line != line {
		err = fmt.Errorf("answer %q to %q", text, line)
	}
	return a, err
}
