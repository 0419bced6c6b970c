// Package models measures what one unit of each concurrency model costs on this
// machine: a process, a thread, a goroutine, a task on a loop, a callback.
//
//	a run = rounds; a round = every probe once, in a shuffled, seeded order
//
//	bench models                         bench probe, fresh, on one CPU
//	  |  start: "create thread"             |
//	  |------------------------------------>|  threads, one after another
//	  |<--- [{"quantity":"create",...}] ----|
//	  |  start: "switch task"               |  a process of its own for each
//	  |------------------------------------>|
//
// A [Probe] is what one such process measures; its figures go through stats.Median
// over the rounds, into lines of the kind result.Model. [Fit] computes from them how
// many units this machine holds, and which limit comes first. [Crash] starts real
// servers of package backend, lets one handler go wrong, and counts the others.
// [Select] is the selection table, filled with what was measured.
//
// What the units are:
//
//	process    this program, started anew: fork and exec, a Go runtime of its own, and
//	           all packages that this large program begins with
//	C process  true and cat, started by fork and exec: the least a process can be
//	thread     a goroutine locked to a thread of the system, which ends with it
//	goroutine  as it is
//	task       package coro's: a coroutine on an event loop
//	callback   package reactor's: a posted function, a timer, a connection's handler
//
// Probes exist on Linux only: elsewhere [Probes] is empty.
package models
