package summary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// MarksInWords says which samples have which mark, a line for each mark: "not warm: net
// 2 of 6, gnet 1 of 6".
func (p Point) MarksInWords() (lines []string) {
	marks := map[string]bool{}
	for _, r := range p.Rows {
		for mark := range r.Marks {
			marks[mark] = true
		}
	}
	for _, mark := range slices.Sorted(maps.Keys(marks)) {
		var parts []string
		marked, samples := 0, 0
		for _, r := range p.Rows {
			n := r.Marks[mark]
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
