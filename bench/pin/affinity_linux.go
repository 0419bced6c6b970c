package pin

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Allowed lists the processors that this process may use.
func Allowed() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// siblings lists the processors that share a core with one, itself included; none
// where the system does not tell.
func siblings(cpu int) []int {
	text, _ := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
	return parseList(strings.TrimSpace(string(text)))
}

// parseList reads the kernel's form of a list: "0,64" or "0-1". It ends at what is
// none.
func parseList(text string) (cpus []int) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && ranged {
			last, err = strconv.Atoi(to)
		}
		if err != nil {
			return cpus
		}
		for cpu := first; cpu <= last; cpu++ {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

func setOf(cpus []int) *unix.CPUSet {
	set := new(unix.CPUSet)
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return set
}

// Process moves every thread of this process to cpus. With none it does
// nothing.
//
// Quirk(linux): affinity belongs to threads, and a new one inherits that of
// the thread that made it. So the threads are gone through until a whole pass
// finds no new one.
func Process(cpus []int) error {
	if len(cpus) == 0 {
		return nil
	}
	moved := map[int]bool{}
	for grown := true; grown; {
		grown = false
		entries, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, e := range entries {
			tid, err := strconv.Atoi(e.Name())
			if err != nil || moved[tid] {
				continue
			}
			if err := unix.SchedSetaffinity(tid, setOf(cpus)); err != nil && err != unix.ESRCH {
				return os.NewSyscallError("sched_setaffinity", err)
			}
			moved[tid], grown = true, true
		}
	}
	return nil
}

// Child runs start with this thread moved to cpus, so that the process that
// start starts is there from its first instruction, and so are all its
// threads. With none it only runs start.
func Child(cpus []int, start func() error) error {
	if len(cpus) == 0 {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	if err := unix.SchedSetaffinity(0, setOf(cpus)); err != nil {
		return os.NewSyscallError("sched_setaffinity", err)
	}
	err := start()
	if back := unix.SchedSetaffinity(0, &before); err == nil {
		err = os.NewSyscallError("sched_setaffinity", back)
	}
	return err
}
