package export

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"

	"github.com/weft-go/weft/bench/result"
)

// GoBenchmarks writes every usable sample as a line of the Go benchmark format
// (https://golang.org/design/14313-benchmark-format):
//
//	BenchmarkEcho/connections=100/size_bytes=64/backend=coro 1 6.31e-06 cpu-sec/message ...
//
// so that `benchstat -col /backend FILE` compares backends, and
// `benchstat OLD NEW` compares files. The first column is what benchstat compares the
// others with: so the reference's samples come first, and not whose turn it was by
// chance.
func GoBenchmarks(out io.Writer, f result.File) error {
	w := benchfmt.NewWriter(out)
	for _, s := range byBackend(f) {
		if s.Void != "" {
			continue
		}
		line := &benchfmt.Result{Name: benchfmt.Name(benchmarkName(s)), Iters: 1}
		for _, c := range [][2]string{
			{"goos", f.Run.Host.OS}, {"goarch", f.Run.Host.Arch}, {"cpu", f.Run.Host.CPU},
			{"kernel", f.Run.Host.Kernel}, {"revision", f.Run.Revision},
		} {
			if c[1] != "" {
				line.Config = append(line.Config, benchfmt.Config{Key: c[0], Value: []byte(c[1]), File: true})
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.Figures)) {
			value, unit := benchmarkUnit(s.Figures[name], name)
			line.Values = append(line.Values, benchfmt.Value{Value: value, Unit: unit})
		}
		if len(line.Values) == 0 {
			continue
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// byBackend are the samples of the reference, and then those of the others in the order
// of the file's head, each as they were taken.
func byBackend(f result.File) []result.Sample {
	place := func(s result.Sample) int {
		if s.Backend == f.Run.Reference {
			return -1
		}
		return slices.IndexFunc(f.Run.Backends, func(b result.Backend) bool { return b.Name == s.Backend })
	}
	sorted := slices.Clone(f.Samples)
	slices.SortStableFunc(sorted, func(a, b result.Sample) int { return place(a) - place(b) })
	return sorted
}

func benchmarkName(s result.Sample) string {
	first, size := utf8.DecodeRuneInString(s.Point.Scenario)
	var name strings.Builder
	name.WriteString(string(unicode.ToUpper(first)) + s.Point.Scenario[size:])
	for _, axis := range slices.Sorted(maps.Keys(s.Point.Axes)) {
		fmt.Fprintf(&name, "/%s=%s", axis, strconv.FormatFloat(s.Point.Axes[axis], 'g', -1, 64))
	}
	name.WriteString("/backend=" + s.Backend)
	return name.String()
}

// benchmarkUnit makes the unit of a metric one that benchstat scales: seconds in
// the place of microseconds, B in the place of bytes.
func benchmarkUnit(value float64, metric string) (float64, string) {
	unit := strings.ReplaceAll(metric, "_", "-")
	switch {
	case strings.Contains(unit, "-us"):
		return value / 1e6, strings.Replace(unit, "-us", "-sec", 1)
	case strings.Contains(unit, "-bytes"):
		return value, strings.Replace(unit, "-bytes", "-B", 1)
	}
	return value, unit
}
