package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Times are kept from shortestTime to longestTime with timeDigits significant
// digits: no error is larger than what reading the clock costs. A longer time
// counts as longestTime; Measured.LongestWait has the true one.
const (
	shortestTime = 100 * time.Nanosecond
	longestTime  = 60 * time.Second
	timeDigits   = 3
)

// Histogram is a distribution of times: an HDR histogram of nanoseconds, in its
// compressed V2 encoding, base64. Empty where nothing was recorded.
type Histogram string

func newTimes() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(shortestTime), int64(longestTime), timeDigits)
}

// record adds a time. Clocks of one process do not go back, so that the value is
// in range once it is cut, and there is no error.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(int64(min(d, longestTime)))
}

// encode is the histogram's text.
func encode(h *hdrhistogram.Histogram) (Histogram, error) {
	if h == nil || h.TotalCount() == 0 {
		return "", nil
	}
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return Histogram(text), err
}

// Decode reads the text. Of an empty one it is an empty histogram. Errors: those
// of a damaged text.
func (h Histogram) Decode() (*hdrhistogram.Histogram, error) {
	if h == "" {
		return newTimes(), nil
	}
	return hdrhistogram.Decode([]byte(h))
}

// merge adds histograms up.
func merge(all ...Histogram) (Histogram, error) {
	sum := newTimes()
	for _, one := range all {
		if one == "" {
			continue
		}
		h, err := one.Decode()
		if err != nil {
			return "", err
		}
		sum.Merge(h)
	}
	return encode(sum)
}
