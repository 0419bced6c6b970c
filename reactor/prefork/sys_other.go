//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package prefork

import (
	"errors"
	"os"

	"github.com/weft-go/weft/poller"
)

// Systems that cannot pass descriptors to a child and between processes in the
// way of Unix: Master.Run and Server.Run return errors.ErrUnsupported at once, and
// nothing below is reached.

const supported = false

var (
	commands      map[os.Signal]Command
	workerSignals map[os.Signal]Command
	signalStop    = os.Kill
	signalQuit    = os.Kill
	signalDump    = os.Kill
	rightsSize    = 0
	ownPath       string
)

func socketPair() (ours, theirs int, err error) { return -1, -1, errors.ErrUnsupported }

func forkExec(string, []string, []string, []uintptr, bool) (pid int, err error) {
	return 0, errors.ErrUnsupported
}

func closeFD(int)                 {}
func adoptInherited(int) error    { return errors.ErrUnsupported }
func checkListener(int) error     { return errors.ErrUnsupported }
func checkStream(int) error       { return errors.ErrUnsupported }
func rights(int) []byte           { return nil }
func parseRights([]byte) []int    { return nil }
func descriptorsLeft() int        { return 0 }
func inForeground() bool          { return false }
func listenerFD(fd int) poller.FD { return poller.FD(fd) }
func samePath() string            { return "" }
func monotonicMicros() int64      { return 0 }
