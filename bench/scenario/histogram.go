package scenario

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/weft-go/weft/bench/load"
)

// quantile is in microseconds.
func quantile(h *hdrhistogram.Histogram, percent float64) float64 {
	return float64(h.ValueAtPercentile(percent)) / 1000
}

// quantile sets a metric to a percentile of a histogram; one that is empty or
// cannot be read leaves it unmeasured.
func (f Figures) quantile(metric string, encoded load.Histogram, percent float64) {
	if encoded == "" {
		return
	}
	if h, err := encoded.Decode(); err == nil && h.TotalCount() > 0 {
		f[metric] = quantile(h, percent)
	}
}

// Histograms are those that are kept with a sample, by their names: of the first
// group that has one of that name, which is the one that the question is about.
func Histograms(o load.Outcome) map[string]string {
	kept := map[string]string{}
	for _, m := range o.Groups {
		for name, h := range map[string]load.Histogram{
			"latency": m.Latency, "service": m.Service, "send_lag": m.SendLag,
			"connect": m.Connect, "skew": m.Skew, "slow": m.Slow,
		} {
			if h != "" && kept[name] == "" {
				kept[name] = string(h)
			}
		}
	}
	return kept
}
