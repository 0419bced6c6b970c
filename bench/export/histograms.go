package export

import (
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// percentileTicks is how many lines a percentile file has per halving of the
// distance to 100 %: HdrHistogram's own default.
const percentileTicks = 5

// Histogram decodes a histogram of a sample.
func Histogram(text string) (*hdrhistogram.Histogram, error) {
	h, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("export: histogram: %w", err)
	}
	return h, nil
}

// Percentiles writes a histogram of nanoseconds as a percentile file (.hgrm), in
// microseconds.
func Percentiles(out io.Writer, text string) error {
	h, err := Histogram(text)
	if err != nil {
		return err
	}
	const nanosecondsPerMicrosecond = 1e3
	_, err = h.PercentilesPrint(out, percentileTicks, nanosecondsPerMicrosecond)
	return err
}
