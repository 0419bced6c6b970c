package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/summary"
)

// marksAt says which samples at a point have which mark, a line for each mark:
// "not warm: net 2 of 6, gnet 1 of 6".
func marksAt(f result.File, at summary.Point) (lines []string) {
	key := at.Key()
	counts := map[string]map[string]int{} // mark, backend
	for _, s := range f.Samples {
		if s.Point.Key() != key {
			continue
		}
		for _, m := range s.Marks {
			if counts[m] == nil {
				counts[m] = map[string]int{}
			}
			counts[m][s.Backend]++
		}
	}
	for _, mark := range slices.Sorted(maps.Keys(counts)) {
		var parts []string
		marked, samples := 0, 0
		for _, r := range at.Rows {
			n := counts[mark][r.Backend]
			marked, samples = marked+n, samples+r.Samples
			if n > 0 {
				parts = append(parts, fmt.Sprintf("%s %d of %d", r.Backend, n, r.Samples))
			}
		}
		if marked == samples {
			parts = []string{"every sample"}
		}
		lines = append(lines, mark+": "+strings.Join(parts, ", "))
	}
	return lines
}
