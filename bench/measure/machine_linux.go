package measure

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/procfs"
)

// OfMachine reads it; cpus are the processors that Busy and Stolen are of, none
// are all. What the kernel does not tell stays zero. Errors: there is no /proc.
func OfMachine(cpus []int) (Machine, error) {
	var m Machine
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return m, err
	}
	stat, err := fs.Stat()
	if err != nil {
		return m, err
	}
	for number, s := range stat.CPU {
		if len(cpus) > 0 && !slices.Contains(cpus, int(number)) {
			continue
		}
		m.Busy += seconds(s.User + s.Nice + s.System)
		if interruptsInPrograms() {
			m.Busy += seconds(s.IRQ + s.SoftIRQ)
		}
		m.Stolen += seconds(s.Steal)
	}
	// Quirk(linux): pressure stall information can be compiled out or switched off.
	if psi, err := fs.PSIStatsForResource("cpu"); err == nil && psi.Some != nil {
		m.Waited = time.Duration(psi.Some.Total) * time.Microsecond
	}
	info, err := fs.Meminfo()
	if err != nil {
		return m, err
	}
	for _, part := range []*uint64{info.SlabBytes, info.KernelStackBytes, info.PageTablesBytes} {
		if part == nil {
			return m, fmt.Errorf("no Slab, KernelStack or PageTables in /proc/meminfo")
		}
		m.Kernel += int64(*part)
	}
	m.Held = m.Kernel
	if info.SReclaimableBytes != nil {
		m.Held -= int64(*info.SReclaimableBytes)
	}
	m.Kernel -= lookedAt(fs)
	return m, nil
}

// lookedAt is what the kernel keeps of files in /proc that somebody has looked at: an
// inode and a directory entry for each. Counting the switches of a thousand threads
// would add 40 KB for each of them. Only root is told; for others it is zero.
func lookedAt(fs procfs.FS) (bytes int64) {
	info, err := fs.SlabInfo()
	if err != nil {
		return 0
	}
	var inodes, each int64
	for _, slab := range info.Slabs {
		switch slab.Name {
		case "proc_inode_cache":
			inodes = slab.ObjNum
			each += slab.ObjSize
		case "dentry":
			each += slab.ObjSize
		}
	}
	return inodes * each
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
