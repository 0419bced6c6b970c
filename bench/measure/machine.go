package measure

import "time"

// Machine is what the whole machine has done since it was started. Figures are
// meant to be subtracted from later ones.
type Machine struct {
	// Busy is the time that some processors spent in programs, by the same account
	// as the programs' CPU clocks: with interrupts where those have them.
	Busy time.Duration
	// Stolen is what the host of a virtual machine kept for others.
	Stolen time.Duration
	// Waited is the time in which something that could run waited for a
	// processor: pressure stall information, "some" of the CPU.
	Waited time.Duration
	// Kernel is the kernel's memory now, in bytes: slab, stacks of threads and
	// page tables. Sockets are in it, of both ends, and so is everybody's; what it
	// keeps of looks at /proc is not, where this process is root.
	Kernel int64
	// Held is the part of Kernel that the kernel cannot give back when memory is
	// short: without the slab of its caches, to which looking at /proc adds, too.
	Held int64
}
