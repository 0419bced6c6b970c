package measure

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// OfProcess reads another process's usage, and that of its children. Of children
// that have ended the CPU time is in it as soon as their parent has waited for
// them, in ticks of 10 ms. The switches of threads and children that have ended
// are lost from a difference. Errors: those of a process that is gone.
func OfProcess(pid int) (Usage, error) {
	sum, err := ofOne(pid)
	if err != nil {
		return Usage{}, err
	}
	for _, child := range children(pid) {
		u, err := OfProcess(child)
		if err != nil {
			continue // it ended after it was listed
		}
		sum.CPU += u.CPU
		sum.Voluntary += u.Voluntary
		sum.Involuntary += u.Involuntary
	}
	return sum, nil
}

// children lists the children of all threads of a process; none where the kernel
// does not tell (CONFIG_PROC_CHILDREN).
func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

func ofOne(pid int) (Usage, error) {
	cpu, err := cpuClock(pid)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{CPU: cpu + ofReaped(pid)}
	threads, err := procfs.AllThreads(pid)
	if err != nil {
		return Usage{}, err
	}
	for _, thread := range threads {
		status, err := thread.NewStatus()
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ESRCH):
			continue // it ended after it was listed
		case err != nil:
			return Usage{}, err
		}
		u.Voluntary += status.VoluntaryCtxtSwitches
		u.Involuntary += status.NonVoluntaryCtxtSwitches
	}
	return u, nil
}

// userTick is the unit of times in /proc/PID/stat.
//
// Quirk(linux): USER_HZ is 100 on every architecture that Go runs on.
const userTick = 10 * time.Millisecond

// ofReaped is the CPU time of the children that a process has waited for.
func ofReaped(pid int) time.Duration {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	s, err := p.Stat()
	if err != nil {
		return 0
	}
	return time.Duration(s.CUTime+s.CSTime) * userTick
}

// cpuClock reads the CPU clock of a process: nanoseconds, where /proc/PID/stat
// counts in ticks of 10 ms.
//
// Quirk(linux): the number of that clock is the complement of the process's,
// shifted by three, with CPUCLOCK_SCHED (2) in the low bits; see
// clock_getcpuclockid(3) and the kernel's posix-timers_types.h.
func cpuClock(pid int) (time.Duration, error) {
	const schedClock = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|schedClock, &ts); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return time.Duration(ts.Nano()), nil
}

// Threads is how many threads a process and its children have; 0 of one that is gone.
func Threads(pid int) int { return len(threads(pid)) }

// AnonymousBytes reads how much memory of a process and its children is their own,
// in bytes: heap and stacks that are resident, without the program's text and
// without the kernel's part of sockets and threads.
func AnonymousBytes(pid int) (int64, error) {
	sum, err := anonymousOfOne(pid)
	if err != nil {
		return 0, err
	}
	for _, child := range children(pid) {
		if n, err := AnonymousBytes(child); err == nil {
			sum += n
		}
	}
	return sum, nil
}

func anonymousOfOne(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "Pss_Anon: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	// Quirk(linux): the line is there since 5.15.
	return 0, fmt.Errorf("no Pss_Anon in smaps_rollup: %w", errors.ErrUnsupported)
}
