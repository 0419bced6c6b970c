// Package stats says what samples prove.
//
// A sample is one run of one server process. Samples of one round were taken next
// to each other on the same machine, so they are compared in pairs: what is
// reported is the median of the per-round quotients, with an interval, and not the
// quotient of two medians, which a neighbour on the machine would move.
//
//   - [Median] and its 95 % confidence interval come from order statistics
//     (golang.org/x/perf/benchmath, AssumeNothing): they assume nothing about the
//     distribution. Six values are the fewest for which there is an interval.
//   - [Pair] adds a p-value: the exact permutation test on the signs of the
//     logarithms of the quotients (Fisher). It is the test that fits pairs; the
//     usual Mann-Whitney test would ignore them.
//   - [Holm] corrects many comparisons that are made at once; [Discover] corrects
//     hundreds of which only the small p-values are shown.
package stats
