// Package lab takes the samples: it decides their order, starts the processes,
// waits until they are warm, lets them run, reads the counters and hands each
// sample on.
//
//	one sample = one run of one server process
//
//	server process, fresh        CPU 0
//	generator process, fresh     CPU 1
//	  connect, use each connection once   (memory is read, in steps)
//	  windows until two agree             (warm, or marked)
//	  counters | the measured run | counters
//	  a short run in which system calls are counted
//	both end
//
// Rounds are randomised blocks: a round measures every backend once at every
// point, those of one point one after the other, in an order by chance that is
// written down. So the samples of a block share the machine's mood, and package
// stats compares them in pairs.
//
// A sample that fails costs its backend this point; the others go on.
package lab
