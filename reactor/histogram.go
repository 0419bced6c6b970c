package reactor

import (
	"iter"
	"math"
	"math/bits"
	"time"
)

// Histogram counts durations in buckets that grow with them: exact up to 7 ns,
// and above that four buckets for each doubling, so that what it says is at most
// a quarter too high. It reaches as far as time.Duration does; less than nothing
// counts as 0. The zero value is empty. To record takes no memory and no clock.
// A histogram has no lock: a loop's belongs to its goroutine, and a copy of it
// to whoever has the copy.
//
// It is what HdrHistogram does, with two bits of precision and without its
// choices.
type Histogram struct {
	buckets [histogramBuckets]uint64
	count   uint64
	sum     time.Duration
	max     time.Duration
}

// Bound: 248 buckets of 8 bytes, 2 KiB, cover all of time.Duration: 8 exact
// ones and 4 for each of 60 doublings. To look for the one that holds a quantile
// takes some 100 ns, which the reader pays.
const (
	histogramSteps   = 4 // buckets for each doubling
	histogramBuckets = 62 * histogramSteps
)

// bucketOf is the bucket that d belongs to. Its number is that of the doubling,
// and the three highest bits of d, of which the first is always 1 but in the
// exact buckets:
//
//	d in binary      doubling  bits   bucket
//	      0..111            0  0..7     0..7
//	     1000, 1001         1  100         8
//	     1010, 1011         1  101         9
//	   11100..11111         2  111        15
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	doubling := max(bits.Len64(v)-3, 0)
	return doubling*histogramSteps + int(v>>doubling)
}

// bucketEnd is the highest duration in a bucket.
func bucketEnd(bucket int) time.Duration {
	doubling := max(bucket/histogramSteps-1, 0)
	top := uint64(bucket - doubling*histogramSteps)
	return time.Duration((top+1)<<doubling - 1)
}

// Record adds a duration.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucketOf(d)]++
	h.count++
	h.sum = addUpTo(h.sum, d)
	h.max = max(h.max, d)
}

// Merge adds all that o has recorded.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.count += o.count
	h.sum = addUpTo(h.sum, o.sum)
	h.max = max(h.max, o.max)
}

// addUpTo is a+b, for two that are not negative, and at most the longest
// duration there is.
func addUpTo(a, b time.Duration) time.Duration { return a + min(b, math.MaxInt64-a) }

// Count is how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.count }

// Sum is all of them together, 292 years at most.
func (h *Histogram) Sum() time.Duration { return h.sum }

// Max is the longest, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is the duration that the fraction q of all recorded ones, from 0 to 1,
// do not exceed: the end of the bucket in which the q-th lies, or Max if that is
// less. It is 0 for an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(uint64(math.Ceil(min(max(q, 0), 1)*float64(h.count))), 1)
	seen := uint64(0)
	for end, n := range h.Buckets() {
		if seen += n; seen >= rank {
			return min(end, h.max)
		}
	}
	return h.max
}

// Buckets are the buckets that are not empty, the shortest durations first: the
// highest duration that belongs to each, and how many it holds.
func (h *Histogram) Buckets() iter.Seq2[time.Duration, uint64] {
	return func(yield func(time.Duration, uint64) bool) {
		for i, n := range h.buckets {
			if n > 0 && !yield(bucketEnd(i), n) {
				return
			}
		}
	}
}
