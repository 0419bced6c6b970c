package pin

import (
	"os"
	"runtime"
	"strconv"

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
