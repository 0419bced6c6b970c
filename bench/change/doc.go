// Package change says what differs between two result files, and whether that is
// real.
//
// Two runs were taken at different times, when the machine had different moods. Where
// both have the reference backend, what is compared is the ratio to it, which is taken
// within a round and so knows no mood; of the reference itself, and of files without
// it, the figures as they are. The test is that of Mann and Whitney, corrected for
// all figures together by Benjamini and Hochberg: of the changes that are named, on average
// at most one of twenty is by chance.
package change
