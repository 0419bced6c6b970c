//go:build unix

package coro

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRunCommandIsAsWithOSExec(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			var out, errs bytes.Buffer
			cmd := shell("cat; echo oops >&2")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.Repeat("x", 1<<20)), &out, &errs
			require.NoError(t, RunCommand(ctx, cmd))
			require.Equal(t, 1<<20, out.Len(), "bytes of output, all of them there when RunCommand returns")
			require.Equal(t, "oops\n", errs.String())
			requireGone(t, cmd)

			var exited *exec.ExitError
			require.ErrorAs(t, RunCommand(ctx, shell("exit 3")), &exited)
			require.Equal(t, 3, exited.ExitCode())
			require.ErrorIs(t, RunCommand(ctx, exec.Command("no-such-command-as-this")), exec.ErrNotFound)
			require.ErrorIs(t, RunCommand(ctx, exec.Command("/no/such/path")), os.ErrNotExist)
			require.ErrorContains(t, RunCommand(ctx, cmd), "already started")

			cmd = shell("exit 4")
			require.ErrorContains(t, WaitCommand(ctx, cmd), "not started")
			require.NoError(t, cmd.Start())
			require.ErrorAs(t, WaitCommand(ctx, cmd), &exited)
			require.Equal(t, 4, exited.ExitCode())
			require.ErrorContains(t, WaitCommand(ctx, cmd), "already called")
		})
		require.Zero(t, processWorkers.Stats().Running)
	})
}

func TestRunCommandLeavesTheLoopToOthers(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			cmd := shell("read line && echo $line")
			line := lines(t, cmd)
			in, err := cmd.StdinPipe()
			require.NoError(t, err)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				p := background(t, s, func(ctx context.Context) (int, error) { return 0, RunCommand(ctx, cmd) })
				for range 100 {
					require.NoError(t, Yield(ctx))
				}
				require.False(t, p.done.set)
				_, err := in.Write([]byte("hello\n"))
				require.NoError(t, err)
				require.Equal(t, "hello", line(ctx))
				_, err = p.wait(ctx)
				return err
			}))
		})
	})
}

// Killed, for want of a Cancel, and waited for: nothing outlives the scope.
func TestRunCommandCancelledKillsAndWaits(t *testing.T) {
	for name, cancelled := range cancellations {
		t.Run(name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					for _, start := range []string{"RunCommand", "WaitCommand"} {
						cmd := shell("exec sleep 1000")
						cancelled(t, ctx, func(ctx context.Context) error {
							if start == "RunCommand" {
								err := RunCommand(ctx, cmd)
								require.EqualError(t, err, errTest.Error()+"; the command: signal: killed")
								return err
							}
							require.NoError(t, cmd.Start())
							return WaitCommand(ctx, cmd)
						})
						requireGone(t, cmd)
					}
				})
			})
		})
	}
}

// The error is the cancellation's echo, and not another failure of the scope.
func TestRunCommandCancelledIsNoFailureOfItsOwn(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		cmd := shell("exec sleep 1000")
		err := e.run(func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error { return RunCommand(ctx, cmd) }))
				settle(t, ctx)
				return errTest
			})
		})
		require.True(t, err == errTest, "Run: got %v", err)
		requireGone(t, cmd)
	})
}

// cancelChild starts a child that ends as exit says when it gets SIGTERM, cancels
// the wait for it with errTest, and gives RunCommand's error. The command's own
// context is given, or that of the wait.
func cancelChild(t *testing.T, ctx, own context.Context, exit string, prepare func(*exec.Cmd)) (failed error) {
	t.Helper()
	var cmd *exec.Cmd
	_ = WithScope(ctx, func(s *Scope) error {
		if own == nil {
			own = s.Context()
		}
		cmd = childCommand(own, t, "term", "WEFT_TEST_EXIT="+exit)
		line := lines(t, cmd)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		prepare(cmd)
		require.NoError(t, s.Go(func(ctx context.Context) error {
			defer func() {
				if value := recover(); value != nil {
					failed = asPanic(value, "", 0)
				}
			}()
			failed = RunCommand(ctx, cmd)
			return nil
		}))
		require.Equal(t, "ready", line(ctx))
		return s.Cancel(errTest)
	})
	requireGone(t, cmd)
	return failed
}

func TestRunCommandCancelledAsksWhereThereIsACancel(t *testing.T) {
	for name, test := range map[string]struct {
		exit    string
		prepare func(cmd *exec.Cmd)
		want    string
	}{
		"it obeys":             {"0", func(*exec.Cmd) {}, errTest.Error()},
		"it obeys and fails":   {"3", func(*exec.Cmd) {}, errTest.Error() + "; the command: exit status 3"},
		"it outlives its time": {"never", func(cmd *exec.Cmd) { cmd.WaitDelay = time.Millisecond }, errTest.Error() + "; the command: signal: killed"},
		"it cannot be asked": {"never", func(cmd *exec.Cmd) { cmd.Cancel = func() error { return errors.New("no voice") } },
			errTest.Error() + "; the command: signal: killed; its Cancel: no voice"},
	} {
		t.Run(name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					err := cancelChild(t, ctx, context.Background(), test.exit, test.prepare)
					require.ErrorIs(t, err, errTest)
					require.EqualError(t, err, test.want)
				})
			})
		})
	}
}

// exec.CommandContext with the task's own context: os/exec and RunCommand both want
// to cancel.
func TestRunCommandCancelsOnce(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			for exit, want := range map[string]string{"0": errTest.Error(), "3": errTest.Error() + "; the command: exit status 3"} {
				asked := 0
				err := cancelChild(t, ctx, nil, exit, func(cmd *exec.Cmd) {
					ask := cmd.Cancel
					cmd.Cancel = func() error { asked++; return ask() }
				})
				require.EqualError(t, err, want)
				require.Equal(t, 1, asked, "calls of Cancel")
			}
		})
	})
}

// The child is killed and waited for, and the panic goes on.
func TestRunCommandSurvivesAPanicInCancel(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			err := cancelChild(t, ctx, context.Background(), "never", func(cmd *exec.Cmd) {
				cmd.Cancel = func() error { panic("no voice") }
			})
			var panicked *PanicError
			require.ErrorAs(t, err, &panicked)
			require.Equal(t, "no voice", panicked.Value)
		})
	})
}

// The process has ended, and what it started holds on to its output: the command
// is not complete, but it was not killed either.
func TestRunCommandThatWasDoneBeforeTheKillHasCompleted(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			in, hold, err := os.Pipe()
			require.NoError(t, err)
			var out bytes.Buffer
			cmd := shell("exec 3<&0; cat <&3 & exit 0")
			cmd.Stdin, cmd.Stdout = in, &out
			require.NoError(t, cmd.Start())
			failed := errors.New("WaitCommand has not returned")
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				var inner *Scope
				require.NoError(t, s.Go(func(ctx context.Context) error {
					return WithScope(ctx, func(s *Scope) error {
						inner = s
						failed = WaitCommand(ctx, cmd)
						return nil
					})
				}))
				for syscall.Kill(cmd.Process.Pid, 0) == nil {
					require.NoError(t, Yield(ctx))
				}
				require.NoError(t, inner.Cancel(errTest))
				settle(t, ctx)
				_, err := hold.WriteString("late")
				require.NoError(t, err)
				require.NoError(t, hold.Close())
				return in.Close()
			}))
			require.NoError(t, failed)
			require.Equal(t, "late", out.String(), "the output, up to its end")
			requireGone(t, cmd)
		})
	})
}

// The command has ended, and the scope is cancelled before the task runs again.
func TestRunCommandCompletedIsNeverCancelled(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			var failed error
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				cmd := shell("exit 3")
				require.NoError(t, cmd.Start())
				before := processWorkers.Stats().Done
				require.NoError(t, s.Go(func(ctx context.Context) error { failed = WaitCommand(ctx, cmd); return nil }))
				require.NoError(t, Yield(ctx))
				for processWorkers.Stats().Done == before { // without letting the loop take what was posted
					runtime.Gosched()
				}
				return s.Cancel(errTest)
			}))
			require.EqualError(t, failed, "exit status 3")
		})
	})
}

func TestRunCommandInACancelledScope(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			_ = WithScope(ctx, func(s *Scope) error {
				started := shell("exec sleep 1000")
				require.NoError(t, started.Start())
				require.NoError(t, s.Cancel(errTest))
				cmd := shell("exit 0")
				require.Equal(t, errTest, RunCommand(ctx, cmd))
				require.Nil(t, cmd.Process, "a command that was not started")
				require.ErrorIs(t, WaitCommand(ctx, started), errTest)
				requireGone(t, started)
				return nil
			})
		})
	})
}

// Commands that are cancelled when they start, run, and end.
func TestRunCommandSurvivesAStormOfCancellations(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			var all []*exec.Cmd
			for round := range 10 {
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					for i := range 8 {
						cmd := shell("exec sleep 1000")
						if i%2 == 0 {
							cmd = shell("exit 0")
						}
						all = append(all, cmd)
						require.NoError(t, s.Go(func(ctx context.Context) error {
							if err := RunCommand(ctx, cmd); err != nil {
								require.ErrorIs(t, err, errTest)
							}
							return nil
						}))
					}
					require.NoError(t, Sleep(ctx, time.Duration(round)*time.Millisecond))
					return s.Cancel(errTest)
				}))
			}
			for _, cmd := range all {
				if cmd.Process != nil {
					requireGone(t, cmd)
				}
			}
			require.Zero(t, processWorkers.Stats().Running)
			require.Zero(t, processWorkers.Stats().Waiting)
		})
	})
}

func TestRunCommandIsForTasks(t *testing.T) {
	cmd := shell("exit 0")
	require.Equal(t, ErrNoLoop, RunCommand(context.Background(), cmd))
	require.Equal(t, ErrNoLoop, WaitCommand(context.Background(), cmd))
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		outside(t, ctx, func() {
			require.Equal(t, ErrNotTask, RunCommand(ctx, cmd))
			require.Equal(t, ErrNotTask, WaitCommand(ctx, cmd))
		})
		return nil
	}))
	require.Nil(t, cmd.Process, "a command that was not started")
}
