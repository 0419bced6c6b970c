package reactor

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func ExampleHistogram() {
	var h Histogram
	for i := range 1000 {
		h.Record(time.Duration(i) * time.Microsecond)
	}
	fmt.Println("half of them within", h.Quantile(0.5))
	fmt.Println("99 of 100 within   ", h.Quantile(0.99))
	fmt.Println("all within         ", h.Max())
	// Output:
	// half of them within 524.287µs
	// 99 of 100 within    999µs
	// all within          999µs
}

// durations are of all lengths: a uniform draw of 64 bits is never short.
var durations = rapid.Custom(func(t *rapid.T) time.Duration {
	return time.Duration(rapid.Int64().Draw(t, "ns") >> rapid.IntRange(0, 63).Draw(t, "shift"))
})

// The model keeps every sample and sorts them.
func TestHistogramSaysWhatTheSortedSamplesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Histogram
		var sorted []time.Duration
		sum := time.Duration(0)
		for _, d := range rapid.SliceOfN(durations, 1, 200).Draw(t, "samples") {
			h.Record(d)
			d = max(d, 0)
			sorted = append(sorted, d)
			if sum += d; sum < 0 {
				sum = math.MaxInt64
			}
		}
		slices.Sort(sorted)
		longest := sorted[len(sorted)-1]
		require.EqualValues(t, len(sorted), h.Count(), "Count")
		require.Equal(t, sum, h.Sum(), "Sum")
		require.Equal(t, longest, h.Max(), "Max")
		require.Equal(t, longest, h.Quantile(1), "Quantile(1)")

		q := rapid.Float64Range(0, 1).Draw(t, "q")
		want := sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
		got := h.Quantile(q)
		require.GreaterOrEqual(t, got, want, "Quantile(%v)", q)
		require.LessOrEqual(t, got-want, want/4, "excess of Quantile(%v) over the sample %v", q, want)

		last, rest := time.Duration(-1), sorted
		for end, n := range h.Buckets() {
			require.Greater(t, end, last, "end of a bucket, after %v", last)
			inside, _ := slices.BinarySearch(rest, end)
			for inside < len(rest) && rest[inside] == end {
				inside++
			}
			require.EqualValues(t, inside, n, "samples above %v and up to %v", last, end)
			require.NotZero(t, n, "samples of a bucket that is shown")
			last, rest = end, rest[inside:]
		}
		require.Empty(t, rest, "samples that are in no bucket")
	})
}

func TestHistogramBucketsFollowEachOtherWithoutAGap(t *testing.T) {
	for bucket := range histogramBuckets {
		end := bucketEnd(bucket)
		require.Equal(t, bucket, bucketOf(end), "bucket of its own end, %d", end)
		if bucket+1 < histogramBuckets {
			require.Equal(t, bucket+1, bucketOf(end+1), "bucket of what follows %d", end)
		}
	}
	require.Equal(t, time.Duration(math.MaxInt64), bucketEnd(histogramBuckets-1), "end of the last bucket")
}

func TestHistogramMergeIsAsGoodAsRecordingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b, all Histogram
		for _, d := range rapid.SliceOf(durations).Draw(t, "a") {
			a.Record(d)
			all.Record(d)
		}
		for _, d := range rapid.SliceOf(durations).Draw(t, "b") {
			b.Record(d)
			all.Record(d)
		}
		a.Merge(&b)
		require.Equal(t, all, a)
	})
}

func TestHistogramThatIsEmptySaysZero(t *testing.T) {
	var h Histogram
	require.Zero(t, h.Count())
	for _, q := range []float64{-1, 0, 0.5, 1, 2, math.NaN()} {
		require.Zero(t, h.Quantile(q), "Quantile(%v)", q)
	}
	for range h.Buckets() {
		t.Fatal("got a bucket of an empty histogram, want none")
	}
}

func TestHistogramQuantileOutsideZeroToOneIsTheNearest(t *testing.T) {
	var h Histogram
	h.Record(3)
	h.Record(5)
	require.EqualValues(t, 3, h.Quantile(-1))
	require.EqualValues(t, 5, h.Quantile(2))
}

func TestHistogramRecordAllocatesNothing(t *testing.T) {
	var h Histogram
	require.Zero(t, testing.AllocsPerRun(100, func() { h.Record(12345) }))
}

// What does one sample cost? The bar is 2 ns.
func BenchmarkHistogramRecord(b *testing.B) {
	var h Histogram
	b.ReportAllocs()
	for i := range b.N {
		h.Record(time.Duration(i))
	}
}

// And to read one of a thousand?
func BenchmarkHistogramQuantile(b *testing.B) {
	var h Histogram
	for i := range 1000 {
		h.Record(time.Duration(i) * time.Microsecond)
	}
	for range b.N {
		h.Quantile(0.99)
	}
}
