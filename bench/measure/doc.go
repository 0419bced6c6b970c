// Package measure reads what a process costs: CPU time, context switches and
// memory, of this process or of another one, and what machine it ran on.
//
// The figures of another process are read from outside, so that it is not
// disturbed:
//
//	CPU time           its CPU clock (clock_gettime), in nanoseconds
//	context switches   /proc/PID/task/*/status, summed over its threads
//	user memory        Pss_Anon of /proc/PID/smaps_rollup
//
// That is Linux. Elsewhere [OfProcess] and [AnonymousBytes] return
// errors.ErrUnsupported; a process can still report on itself with [OfSelf].
package measure
