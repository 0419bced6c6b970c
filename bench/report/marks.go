package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/result"
)

// counts are how many samples have each mark.
type counts map[string]int

// marksOf counts them, by point and backend.
func marksOf(f result.File) map[string]map[string]counts {
	all := map[string]map[string]counts{}
	for _, s := range f.Samples {
		key := s.Point.Key()
		for _, m := range s.Marks {
			if all[key] == nil {
				all[key] = map[string]counts{}
			}
			if all[key][s.Backend] == nil {
				all[key][s.Backend] = counts{}
			}
			all[key][s.Backend][m]++
		}
	}
	return all
}

// describe is as in "2 of 6 not warm".
func (c counts) describe(samples int) string {
	var parts []string
	for _, m := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, fmt.Sprintf("%d of %d %s", c[m], samples, m))
	}
	return strings.Join(parts, ", ")
}
