package child

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/weft-go/weft/poller/leaktest"
)

// variable, when set, makes a test binary the example itself.
const variable = "WEFT_EXAMPLE"

// Main is the TestMain of an example: the test binary is the example when it is
// started by Command, and otherwise runs the tests, which fail if they leave
// goroutines or descriptors behind. The options excuse goroutines.
func Main(m *testing.M, example func(), excused ...goleak.Option) {
	if os.Getenv(variable) != "" {
		example()
		os.Exit(0)
	}
	leaktest.Main(m, excused...)
}

// Command is the example as a process, not yet started.
func Command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	// A race detector sleeps for a second when its process ends, by default.
	cmd.Env = append(os.Environ(), variable+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// stall is what the watchdog says of a loop that stands still for 100 ms. On a
// machine that is busy with something else every loop does, and no test asserts
// a time.
var stall = regexp.MustCompile(`(?m)^.* WARN coro: a task holds up its loop .*\n`)

// WithoutStalls is what an example said, but for what its watchdog did.
func WithoutStalls(said string) string { return stall.ReplaceAllString(said, "") }

// Start starts the example on a free port, with further arguments if there are
// any, waits until it listens and returns its address. At the end of the test it is
// interrupted, as by Ctrl-C, and has to end with status 0 and nothing on its standard
// error.
func Start(t *testing.T, args ...string) (addr string, process *os.Process) {
	t.Helper()
	cmd := Command(append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait(), "the example's end after an interrupt; it said: %s", &stderr)
		require.Empty(t, WithoutStalls(stderr.String()), "what the example said on its standard error")
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "the example's first line; it said: %s", &stderr)
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, ok, "the example's first line: got %q, want its address", line)
	return addr, cmd.Process
}

// Dial connects to the example; the connection is closed with the test.
func Dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// RefusesBadArguments checks that wrong arguments end the example with one
// clear line and status 2.
func RefusesBadArguments(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, args := range map[string][]string{
		"an unknown flag":        {"-colour", "red"},
		"an argument":            {"7000"},
		"an address of no form":  {"-addr", "7000"},
		"a host name":            {"-addr", "no such host:7000"},
		"a port out of range":    {"-addr", "127.0.0.1:70000"},
		"a port that is in use":  {"-addr", taken.Addr().String()},
		"a flag without a value": {"-addr"},
	} {
		t.Run(name+" is one line and status 2", func(t *testing.T) {
			out, err := Command(args...).CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "started with %q, it said: %s", args, out)
			require.Equal(t, 2, exit.ExitCode(), "status after %q, it said: %s", args, out)
			require.Equal(t, 1, strings.Count(string(out), "\n"), "lines after %q, it said: %s", args, out)
		})
	}
}
