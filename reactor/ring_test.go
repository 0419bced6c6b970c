package reactor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRingIsFirstInFirstOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring[*int]
		var model []*int
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			for range rapid.IntRange(0, 300).Draw(t, "pushes") {
				v := new(int)
				r.push(v)
				model = append(model, v)
			}
			for range rapid.IntRange(0, 300).Draw(t, "pops") {
				if r.len == 0 {
					break
				}
				require.Same(t, model[0], r.pop(), "oldest element")
				model = model[1:]
			}
			require.Equal(t, len(model), r.len)
			held := 0
			for _, v := range r.buf {
				if v != nil {
					held++
				}
			}
			require.Equal(t, r.len, held, "elements the array keeps alive")
		}
	})
}

func TestRingGivesABurstsMemoryBack(t *testing.T) {
	var r ring[int]
	for i := range 1 << 20 {
		r.push(i)
	}
	for r.len > 0 {
		r.pop()
	}
	require.LessOrEqual(t, cap(r.buf), ringKeep, "array of an empty ring after a burst")
}
