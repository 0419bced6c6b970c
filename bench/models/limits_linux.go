package models

import (
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// OfMachine reads the limits. What cannot be read is no limit.
func OfMachine() Limits {
	l := Limits{GoThreads: goThreads}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return l
	}
	if info, err := fs.Meminfo(); err == nil && info.MemAvailableBytes != nil {
		l.Available = int64(*info.MemAvailableBytes)
	}
	used := tasksNow()
	for _, path := range []string{"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"} {
		if most := number(path); most > 0 && (l.PIDs == 0 || most-used < l.PIDs) {
			l.PIDs = max(most-used, 1)
		}
	}
	own, _ := os.ReadFile("/proc/self/cgroup") // none without control groups
	memory, tasks := roomInGroups(groupRoot, string(own))
	if memory > 0 && (l.Available == 0 || memory < l.Available) {
		l.Available = memory
	}
	if tasks > 0 && (l.PIDs == 0 || tasks < l.PIDs) {
		l.PIDs = tasks
	}
	// Quirk(linux): the limit does not hold for root.
	if most := limitOf(unix.RLIMIT_NPROC); os.Getuid() != 0 {
		l.UserTasks = most
	}
	l.Descriptors = limitOf(unix.RLIMIT_NOFILE)
	return l
}

// tasksNow is how many threads there are, of all processes.
func tasksNow() int64 {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	// 0.20 0.18 0.12 1/80 11206: the fourth is running and existing tasks.
	fields := strings.Fields(string(load))
	if len(fields) < 4 {
		return 0
	}
	_, all, _ := strings.Cut(fields[3], "/")
	n, _ := strconv.ParseInt(all, 10, 64)
	return n
}

// number reads a file that holds one; 0 if there is none, or "max".
func number(path string) int64 {
	text, _ := os.ReadFile(path)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}

// limitOf is the hard limit of a resource; 0 for none.
func limitOf(resource int) int64 {
	var r unix.Rlimit
	if err := unix.Getrlimit(resource, &r); err != nil || r.Max > math.MaxInt32 {
		return 0
	}
	return int64(r.Max)
}
