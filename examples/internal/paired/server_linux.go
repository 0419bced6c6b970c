package paired

import (
	"bufio"
	"bytes"
	"fmt"
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

// Server is one of the two, as a process.
type Server struct {
	Addr string
	t    *testing.T
	cmd  *exec.Cmd
	said bytes.Buffer
}

// start starts the test binary as a server; env says which.
func start(t *testing.T, env string, args []string) *Server {
	t.Helper()
	taskset, err := exec.LookPath("taskset")
	require.NoError(t, err, "taskset, of package util-linux")
	s := &Server{t: t, cmd: child.Command(append([]string{"-addr", "127.0.0.1:0"}, args...)...)}
	s.cmd.Args = append([]string{taskset, "-c", ServerCPU, s.cmd.Path}, s.cmd.Args[1:]...)
	s.cmd.Path = taskset
	s.cmd.Env = append(s.cmd.Env, "GOMAXPROCS=1", env)
	s.cmd.Stderr = &s.said
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "the server's first line; it said: %s", &s.said)
	s.Addr = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return s
}

func (s *Server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL) // nothing of it is wanted any more
	_ = s.cmd.Wait()
	require.Empty(s.t, s.said.String(), "what the server said on its standard error")
}

// CPU is what the process has used so far, of user and system time.
func (s *Server) CPU() time.Duration {
	// Quirk(linux): the number of a process's CPU clock; see clock_getcpuclockid(3).
	const schedClock = 2
	var ts unix.Timespec
	require.NoError(s.t, unix.ClockGettime(int32(^s.cmd.Process.Pid)<<3|schedClock, &ts))
	return time.Duration(ts.Nano())
}

// Resident is the memory that is the process's own, in bytes: heap and stacks.
func (s *Server) Resident() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", s.cmd.Process.Pid))
	require.NoError(s.t, err)
	for line := range strings.Lines(string(text)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "Pss_Anon: %f kB", &kib); n == 1 {
			return kib * 1024
		}
	}
	s.t.Fatal("no Pss_Anon in smaps_rollup")
	return 0
}
