// Package report turns samples into medians and ratios, and these into a
// table and a JSON file.
//
// One sample is one run of one server process. Percentiles of latency are
// taken inside a sample; everything else is taken over samples. A ratio is
// paired: each sample is divided by the reference's sample of the same round,
// which ran seconds before or after it on the same machine in the same mood,
// and the median of these quotients is reported, not the quotient of medians.
package report
