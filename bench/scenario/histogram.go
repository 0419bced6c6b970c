package scenario

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/weft-go/weft/bench/load"
)

// Decode reads a histogram of nanoseconds; an empty or damaged one is empty.
func Decode(encoded load.Histogram) *hdrhistogram.Histogram {
	if encoded != "" {
		if h, err := hdrhistogram.Decode([]byte(encoded)); err == nil {
			return h
		}
	}
	return hdrhistogram.New(1, 2, 1)
}

// quantile is in microseconds.
func quantile(h *hdrhistogram.Histogram, percent float64) float64 {
	return float64(h.ValueAtPercentile(percent)) / 1000
}

// quantile sets a metric to a percentile of a histogram that is not empty.
func (f Figures) quantile(metric string, encoded load.Histogram, percent float64) {
	if h := Decode(encoded); h.TotalCount() > 0 {
		f[metric] = quantile(h, percent)
	}
}

// Histograms are those of a group that are kept with a sample, by their names.
func Histograms(m load.Measured) map[string]string {
	kept := map[string]string{}
	for name, h := range map[string]load.Histogram{
		"latency": m.Latency, "service": m.Service, "send_lag": m.SendLag,
		"connect": m.Connect, "skew": m.Skew, "slow": m.Slow,
	} {
		if h != "" {
			kept[name] = string(h)
		}
	}
	return kept
}

// mergeHistograms adds up; where one cannot be read the result is empty.
func mergeHistograms(a, b load.Histogram) load.Histogram {
	if a == "" || b == "" {
		return a + b
	}
	sum, err := hdrhistogram.Decode([]byte(a))
	if err != nil {
		return ""
	}
	more, err := hdrhistogram.Decode([]byte(b))
	if err != nil {
		return ""
	}
	sum.Merge(more)
	encoded, err := sum.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return ""
	}
	return load.Histogram(encoded)
}
