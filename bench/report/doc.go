// Package report turns a file of results into tables for a terminal.
//
// One sample is one run of one server process. Percentiles of latency are taken
// inside a sample; everything else is taken over samples. A ratio is paired: each
// sample is divided by the reference's sample of the same round, which ran seconds
// before or after it on the same machine in the same mood, and the median of these
// quotients is reported, not the quotient of medians. What pairs prove is the
// affair of package stats.
package report
