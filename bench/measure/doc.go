// Package measure reads what a process costs: CPU time, context switches, system
// calls and memory, of this process or of another one; and what machine it ran
// on, with what settings, and what else that machine did.
//
// The figures of another process are read from outside, so that it is not
// disturbed:
//
//	CPU time           its CPU clock (clock_gettime), in nanoseconds
//	context switches   /proc/PID/task/*/status, summed over its threads
//	user memory        Pss_Anon of /proc/PID/smaps_rollup
//	kernel memory      slab, thread stacks and page tables of /proc/meminfo:
//	                   the whole machine's
//	system calls       a counting perf event on each of its threads
//	socket options     of a descriptor of its, by pidfd_getfd
//
// That is Linux. Elsewhere these return errors.ErrUnsupported; a process can still
// report on itself with [OfSelf].
package measure
