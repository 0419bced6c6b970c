//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package prefork

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller"
)

// What this package needs of the system. sys_other.go is the same for systems
// without processes of this kind; sys_linux.go and sys_notlinux.go have what the
// Unixes differ in.

// supported says whether there can be masters and workers.
const supported = true

// commands are the signals of a master, as nginx has them.
var commands = map[os.Signal]Command{
	syscall.SIGINT:   CommandStop,
	syscall.SIGTERM:  CommandStop,
	syscall.SIGQUIT:  CommandQuit,
	syscall.SIGHUP:   CommandReload,
	syscall.SIGUSR2:  CommandUpgrade,
	syscall.SIGWINCH: CommandRetire,
	syscall.SIGTTIN:  CommandMore,
	syscall.SIGTTOU:  CommandFewer,
}

// workerSignals are what a worker obeys. The others of commands it ignores: a
// terminal sends ^C to the whole process group, and the master decides then.
var workerSignals = map[os.Signal]Command{
	syscall.SIGTERM: CommandStop,
	syscall.SIGQUIT: CommandQuit,
}

// Signals that the master sends by itself.
var (
	signalStop = syscall.SIGTERM
	signalQuit = syscall.SIGQUIT
	// signalDump makes the Go runtime print the stacks of all goroutines.
	signalDump = syscall.SIGABRT
)

// socketPair is two ends of a connection between processes, close-on-exec.
func socketPair() (ours, theirs int, err error) {
	syscall.ForkLock.RLock() // between the two calls no child may be started
	defer syscall.ForkLock.RUnlock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, -1, os.NewSyscallError("socketpair", err)
	}
	unix.CloseOnExec(fds[0])
	unix.CloseOnExec(fds[1])
	return fds[0], fds[1], nil
}

// forkExec starts a program whose descriptors are files, from 0 on.
//
// It is not os/exec, nor os.StartProcess: they take *os.File and set the open
// file to blocking. That mode belongs to the open file and not to the descriptor,
// so an accept in another process that has the listener too would block.
func forkExec(path string, argv, env []string, files []uintptr, dieWithParent bool) (pid int, err error) {
	pid, err = syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: env, Files: files, Sys: attributes(dieWithParent)})
	if err != nil {
		return 0, &os.PathError{Op: "fork/exec", Path: path, Err: err}
	}
	return pid, nil
}

func closeFD(fd int) { _ = unix.Close(fd) }

// adoptInherited makes a descriptor that came with exec one of ours.
func adoptInherited(fd int) error {
	unix.CloseOnExec(fd)
	return os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
}

// checkListener says what is wrong with a descriptor that is to be a listener.
func checkListener(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return fmt.Errorf("%w: descriptor %d: %w", ErrNotListener, fd, os.NewSyscallError("getsockopt", err))
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil || listening == 0 || kind != unix.SOCK_STREAM {
		return fmt.Errorf("%w: descriptor %d is another kind of socket", ErrNotListener, fd)
	}
	return nil
}

// checkStream says what is wrong with a descriptor that is to be a connection.
func checkStream(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_STREAM {
		return fmt.Errorf("prefork: descriptor %d is no stream socket", fd)
	}
	return os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
}

// rights is the control message that passes descriptors on.
func rights(fd int) []byte { return unix.UnixRights(fd) }

// rightsSize is room for the control message of maxRights descriptors.
var rightsSize = unix.CmsgSpace(4 * maxRights)

// parseRights is the descriptors of a control message.
func parseRights(oob []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil
	}
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

// descriptorsLeft is how many more descriptors this process may open.
func descriptorsLeft() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return unknownLimit
	}
	return int(min(uint64(limit.Cur), unknownLimit)) - openDescriptors()
}

// inForeground reports whether the process is in the foreground of a terminal,
// which then sends SIGWINCH whenever its window changes size.
func inForeground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// ownPath is where this program's file was when it started, for an upgrade to
// look there again. It is taken from the arguments: os.Executable follows
// symbolic links, and would never see that "current" points to another version.
var ownPath = func() string {
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		path, _ = os.Executable()
	}
	return path
}()

// listenerFD is a descriptor as package poller has it.
func listenerFD(fd int) poller.FD { return poller.FD(fd) }
