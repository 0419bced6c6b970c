package coro

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// RunCommand starts a command and suspends the task until it has ended: cmd.Run
// for tasks. Starting is done off the loop too, and not cut short. Output, input
// and exit errors are as with os/exec: cmd.Stdout may be a buffer, which is
// complete when RunCommand returns. Until then cmd is RunCommand's: who wants to
// use cmd.Process meanwhile calls cmd.Start and WaitCommand.
//
// A command does not outlive the scope. When the wait is cancelled, the command is
// told by cmd.Cancel, which exec.CommandContext sets, or killed if there is none.
// If Cancel fails, it is killed as well, and also cmd.WaitDelay later, if that is
// not 0. Then RunCommand waits until the command has ended, however long it takes.
// A command that ended by itself before the kill reached it has completed. If not,
// the error is the cause, and names what became of the command; more is in
// cmd.ProcessState. Cancel is called once, also if the command's own context ends.
//
// What the command started itself is not killed. Where that holds on to cmd.Stdout,
// and this is no *os.File, os/exec waits for it too, unless there is a WaitDelay.
//
// While it runs, a command takes a goroutine and a thread of this process. How many
// may run at a time is for the caller to say.
//
// Errors: those of cmd.Run, the cause of ctx or of a cancelled scope, ErrNotTask,
// ErrNoLoop. In a cancelled scope the command is not started.
func RunCommand(ctx context.Context, cmd *exec.Cmd) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	if err := t.begin(ctx); err != nil {
		return err
	}
	if cmd.Cancel != nil {
		cmd.Cancel = sync.OnceValue(cmd.Cancel)
	}
	start := processWorkers.submit(t, cmd.Start)
	start.finish()
	if err := start.outcome(t); err != nil {
		return err
	}
	return t.waitCommand(ctx, cmd, nil)
}

// WaitCommand is RunCommand for a command that was started by cmd.Start: cmd.Wait
// for tasks. In a cancelled scope, too, the command is cancelled and waited for, so
// a deferred WaitCommand never leaves one behind. Here os/exec may call cmd.Cancel
// a second time. Errors: those of cmd.Wait, and as of RunCommand.
func WaitCommand(ctx context.Context, cmd *exec.Cmd) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	if cmd.Process == nil {
		return cmd.Wait() // it was not started, and says so
	}
	return t.waitCommand(ctx, cmd, t.begin(ctx))
}

// waitCommand waits for a command that runs; cause is why it is to be cancelled at
// once.
//
//	await ---- it ended ------------------------------> its own result
//	  |                                                     ^
//	  | cancelled                     the kill came late    |
//	  '-----------> cancelCommand ---> finish --------------+
//	                                     |
//	                                     '--------------> the cause
func (t *task) waitCommand(ctx context.Context, cmd *exec.Cmd, cause error) error {
	j := processWorkers.submit(t, cmd.Wait)
	if cause == nil {
		cause = t.parkUnder(ctx, waitProcess)
	}
	if processWorkers.isDone(j) {
		j.end()
		return j.outcome(t)
	}
	killed, unasked := t.cancelCommand(cmd, j)
	switch exit := j.outcome(t); {
	case exit == nil && killed:
		return nil // nobody survives the kill with success: it came late
	case exit == nil, exit == context.Canceled, exit == context.DeadlineExceeded:
		return cause // it obeyed; os/exec then has its own context's error
	case unasked != nil:
		return fmt.Errorf("%w; the command: %v; its Cancel: %v", cause, exit, unasked)
	default:
		return fmt.Errorf("%w; the command: %v", cause, exit)
	}
}

// cancelCommand ends a command, and waits until j is done, also if cmd.Cancel
// panics. It reports whether the command was killed without being asked, and with
// what error Cancel failed to ask.
func (t *task) cancelCommand(cmd *exec.Cmd, j *job) (killed bool, failed error) {
	kill := func() { _ = cmd.Process.Kill() } // what it cannot kill is waited for all the same
	asked := false
	defer func() {
		if !asked {
			killed = true
			kill()
		} else if cmd.WaitDelay > 0 {
			defer t.loop().reactor.AfterFunc(cmd.WaitDelay, kill).Stop()
		}
		j.finish()
	}()
	if cmd.Cancel != nil {
		failed = cmd.Cancel()
		asked = failed == nil || errors.Is(failed, os.ErrProcessDone)
	}
	return killed, failed
}
