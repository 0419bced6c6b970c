package models

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A control group bounds what the processes in it may have together, as in a
// container. It does not show in /proc: there the whole machine is seen.

// groupFiles are where a group says what it may have and what it has.
type groupFiles struct{ most, now, statistics, cache string }

// The files of each resource, in the two versions of control groups. What a group has
// of memory includes files that nobody uses, which make room when it is needed.
var (
	memoryGroup2 = groupFiles{"memory.max", "memory.current", "memory.stat", "inactive_file"}
	memoryGroup1 = groupFiles{"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file"}
	tasksGroup   = groupFiles{most: "pids.max", now: "pids.current"}
)

// groupRoot is where they are mounted.
const groupRoot = "/sys/fs/cgroup"

// roomInGroups is what this process's groups have left of memory, in bytes, and of
// processes and threads; 0 where they do not limit it. Root is groupRoot, and own what
// /proc/self/cgroup holds:
//
//	0::/user.slice            version 2
//	4:memory:/docker/1a2b     version 1
func roomInGroups(root, own string) (memory, tasks int64) {
	memory, tasks = math.MaxInt64, math.MaxInt64
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		switch path := parts[2]; parts[1] {
		case "":
			memory = min(memory, memoryGroup2.room(root, path))
			tasks = min(tasks, tasksGroup.room(root, path))
		case "memory":
			memory = min(memory, memoryGroup1.room(filepath.Join(root, "memory"), path))
		case "pids":
			tasks = min(tasks, tasksGroup.room(filepath.Join(root, "pids"), path))
		}
	}
	if memory == math.MaxInt64 {
		memory = 0
	}
	if tasks == math.MaxInt64 {
		tasks = 0
	}
	return memory, tasks
}

// room is the least that the group at path and those around it have left.
//
// Quirk(linux): in a container the path can be the host's, where the mount begins with
// the container's own group. Groups that are not there have no limit; the mount's top
// is always looked at.
func (f groupFiles) room(mount, path string) int64 {
	left := int64(math.MaxInt64)
	for path = filepath.Clean("/" + path); ; path = filepath.Dir(path) {
		group := filepath.Join(mount, path)
		if most := number(filepath.Join(group, f.most)); most > 0 {
			used := number(filepath.Join(group, f.now)) - f.unused(group)
			left = min(left, max(most-used, 1))
		}
		if path == "/" {
			return left
		}
	}
}

// unused is the memory of a group that is a cache of files.
func (f groupFiles) unused(group string) int64 {
	if f.statistics == "" {
		return 0
	}
	text, _ := os.ReadFile(filepath.Join(group, f.statistics)) // no file, no cache
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == f.cache {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
