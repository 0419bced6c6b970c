// Package advise chooses a concurrency model for a server, by figures that were
// measured here (package models) and by rules that one can read.
//
//	candidates --> rules --> those that pass --> score --> the best
//	                 |
//	                 '--> those that break one, with the figure that says so
//
// Rules are about what must be: isolation, memory, limits. The score is about what it
// costs: the part of a request's CPU time that goes into waking its handler, as far
// as connections are active, and the part of the memory that they take. Candidates
// whose scores are close are equal, and of those the one that is easiest to write is
// chosen.
package advise
