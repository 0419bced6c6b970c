package export

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/summary"
)

// CSV writes one line per sample. The columns of the axes and figures are those
// that any sample has; a field is empty where a sample does not have it.
func CSV(out io.Writer, f result.File) error {
	axes := map[string]bool{}
	for _, s := range f.Samples {
		for axis := range s.Point.Axes {
			axes[axis] = true
		}
	}
	axisNames := slices.Sorted(maps.Keys(axes))
	metrics := summary.Of(f).Metrics

	w := csv.NewWriter(out)
	head := append([]string{"started", "scenario"}, axisNames...)
	head = append(head, "backend", "round", "seconds")
	for _, m := range metrics {
		head = append(head, m.Name)
	}
	if err := w.Write(append(head, "marks", "void")); err != nil {
		return err
	}
	for _, s := range f.Samples {
		line := []string{s.Started.UTC().Format(time.RFC3339Nano), s.Point.Scenario}
		for _, axis := range axisNames {
			line = append(line, number(s.Point.Axes, axis))
		}
		line = append(line, s.Backend, strconv.Itoa(s.Round), strconv.FormatFloat(s.Seconds, 'g', -1, 64))
		for _, m := range metrics {
			line = append(line, number(s.Figures, m.Name))
		}
		if err := w.Write(append(line, strings.Join(s.Marks, ";"), s.Void)); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func number(of map[string]float64, name string) string {
	v, ok := of[name]
	if !ok {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
