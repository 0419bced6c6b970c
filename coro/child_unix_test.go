//go:build unix

package coro

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Child processes for the tests of commands and signals.

func init() {
	// Told to end, it ends as its argument says, or not at all.
	children["term"] = func() {
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		fmt.Println("ready")
		for range c {
			switch os.Getenv("WEFT_TEST_EXIT") {
			case "0":
				return
			case "3":
				os.Exit(3)
			}
		}
	}
	// The first SIGTERM is received, the second one has its usual effect.
	children["wait signal"] = func() {
		err := Run(context.Background(), func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				// A task: it runs when the body waits for its signal.
				if err := s.Go(func(context.Context) error { _, err := fmt.Println("ready"); return err }); err != nil {
					return err
				}
				got, err := WaitSignal(ctx, syscall.SIGTERM)
				fmt.Println(got)
				return err
			})
		})
		fmt.Println(err)
		time.Sleep(stuck)
	}
}

// childCommand runs this program as a child.
func childCommand(ctx context.Context, t *testing.T, name string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(append(os.Environ(), childEnv+"="+name), env...)
	return cmd
}

func shell(script string) *exec.Cmd { return exec.Command("/bin/sh", "-c", script) }

// lines gives the lines that a command writes, one by one. (Not by cmd.StdoutPipe,
// which the end of the wait closes, read or not.)
func lines(t *testing.T, cmd *exec.Cmd) (line func(ctx context.Context) string) {
	t.Helper()
	out, in, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { out.Close(); in.Close() })
	cmd.Stdout = in
	r := bufio.NewReader(out)
	return func(ctx context.Context) string {
		line, err := Blocking(ctx, func() (string, error) { return r.ReadString('\n') })
		require.NoError(t, err, "a line of the command's output")
		return line[:len(line)-1]
	}
}

// requireGone fails unless the command has ended and was reaped.
func requireGone(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	require.NotNil(t, cmd.ProcessState, "the command has ended")
	require.Equal(t, syscall.ESRCH, syscall.Kill(cmd.Process.Pid, 0), "a signal to process %d, which has been waited for", cmd.Process.Pid)
}
