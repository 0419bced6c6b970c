package reactor

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The model is one byte slice.
func TestOutboundQueueIsByteExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := &chunkPool{limit: 3}
		var o outbound
		var model []byte
		size := rapid.OneOf(rapid.IntRange(0, 10), rapid.IntRange(chunkSize-30, chunkSize+10), rapid.IntRange(0, 5*chunkSize))
		next := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				require.Equal(t, len(model), o.size, "size of the queue")
				require.LessOrEqual(t, pool.len, pool.limit, "chunks in the pool")
				require.Equal(t, o.head == nil, o.tail == nil)
				if len(model) == 0 {
					require.Nil(t, o.head, "an empty queue holds memory")
				}
				all := bytes.Join(o.slices(make([][]byte, 0, 1000)), nil)
				require.True(t, bytes.Equal(model, all), "bytes in the queue: got %d, want %d, or others", len(all), len(model))
				few := o.slices(make([][]byte, 0, 2))
				require.LessOrEqual(t, len(few), 2)
				require.True(t, bytes.HasPrefix(model, bytes.Join(few, nil)), "first slices")
			},
			"append": func(t *rapid.T) {
				p := make([]byte, size.Draw(t, "n"))
				for i := range p {
					p[i] = next
					next++
				}
				o.append(p, pool)
				model = append(model, p...)
			},
			"drop": func(t *rapid.T) {
				n := min(size.Draw(t, "n"), len(model))
				o.drop(n, pool)
				model = model[n:]
			},
		})
	})
}
