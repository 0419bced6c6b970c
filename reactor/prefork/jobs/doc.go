// Package jobs is the master-worker pattern without sockets: a master splits work,
// workers run it, and the results come back in order.
//
//	questions --> master --> worker --> master --> results, in the
//	                  \----> worker --/            order of the questions
//	                   \---> worker -/
//
// A worker is a goroutine, a goroutine with a thread of its own, or a process. The
// function that does the work is the same. A process can crash, leak and be killed
// without harm to the others, and costs the encoding of every question and answer;
// a goroutine costs nothing, and shares all of its faults.
package jobs
