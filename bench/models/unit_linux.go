package models

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// roles are what the other process of a probe can be. Its descriptors, from 3 on,
// are what it was started with.
var roles = map[string]func() error{
	"exit":   func() error { return nil },
	"park":   park,
	"futex":  wordsUnit(futexOther),
	"yield":  wordsUnit(yieldOther),
	"wake":   wakeUnit,
	"worker": workerUnit,
	"atomic": wordsUnit(atomicOther),
	"owner":  ownerUnit,
}

// Unit is what the other process of a probe does. Errors: errUnit, and those of the
// system.
func Unit(role string) error {
	run, known := roles[role]
	if !known {
		return errUnit
	}
	return run()
}

// park says that it is there, and waits for the end of its input.
func park() error {
	if _, err := os.Stdout.WriteString("ready\n"); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// unit is a process that a probe has started. It ends with its input, and with the
// probe.
type unit struct {
	cmd *exec.Cmd
	in  io.WriteCloser // nil for one that has none
	out io.ReadCloser
}

// startUnit starts this program in a role. Error: those of a process that cannot be
// started.
func startUnit(role string, files ...*os.File) (*unit, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	u := &unit{cmd: exec.Command(self, UnitCommand, role)}
	u.cmd.ExtraFiles = files
	return u, u.start()
}

// start fills in the rest and starts.
//
// Quirk(linux): the process is killed when the thread that started it ends. No
// goroutine of a probe that starts processes is locked, so its threads stay.
func (u *unit) start() (err error) {
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	u.cmd.Stderr = os.Stderr
	if u.in, err = u.cmd.StdinPipe(); err != nil {
		return err
	}
	if u.out, err = u.cmd.StdoutPipe(); err != nil {
		return err
	}
	return u.cmd.Start()
}

// ready waits for the line that says it is there.
func (u *unit) ready() error {
	line := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(u.out, line); err != nil {
		return errors.Join(fmt.Errorf("a unit did not begin: %w", err), u.wait())
	}
	return nil
}

// wait ends its input and waits for its end.
func (u *unit) wait() error {
	u.in.Close()
	err := u.cmd.Wait()
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(u.cmd.Args[1:], " "), err)
	}
	return nil
}
