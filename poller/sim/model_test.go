package sim

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAgendaIsASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type kept struct {
			at  time.Duration
			seq int
		}
		var a agenda
		all := make([]appointment, 10)
		list := map[int]kept{} // the model: who is in, and since when
		seq := 0
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				i, at := rapid.IntRange(0, 9).Draw(t, "which"), time.Duration(rapid.IntRange(0, 5).Draw(t, "at"))
				seq++
				a.set(&all[i], at)
				list[i] = kept{at, seq}
			},
			"cancel": func(t *rapid.T) {
				i := rapid.IntRange(0, 9).Draw(t, "which")
				a.cancel(&all[i])
				delete(list, i)
			},
			"due": func(t *rapid.T) {
				now := time.Duration(rapid.IntRange(0, 5).Draw(t, "now"))
				want := -1
				for i, k := range list {
					if k.at <= now && (want < 0 || cmp.Or(cmp.Compare(k.at, list[want].at), cmp.Compare(k.seq, list[want].seq)) < 0) {
						want = i
					}
				}
				got := a.due(now)
				if want < 0 {
					require.Nil(t, got)
					return
				}
				require.Same(t, &all[want], got)
				delete(list, want)
			},
			"": func(t *rapid.T) { // the invariants
				require.Len(t, a.heap, len(list))
				for i, p := range a.heap {
					require.Equal(t, i+1, p.place)
				}
				for i := range all {
					_, in := list[i]
					require.Equal(t, in, all[i].place != 0)
				}
			},
		})
	})
}

func TestFifoIsAByteSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q fifo
		var model []byte
		next := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				p := make([]byte, rapid.IntRange(0, 9000).Draw(t, "n"))
				for i := range p {
					next++
					p[i] = next
				}
				q.push(p)
				model = append(model, p...)
			},
			"drop": func(t *rapid.T) {
				n := rapid.IntRange(0, len(model)).Draw(t, "n")
				q.drop(n)
				model = model[n:]
			},
			"cut": func(t *rapid.T) {
				first := rapid.IntRange(0, len(model)).Draw(t, "first")
				n := rapid.IntRange(0, len(model)-first).Draw(t, "n")
				q.cut(first, n)
				model = slices.Delete(slices.Clone(model), first, first+n)
			},
			"truncate": func(t *rapid.T) {
				n := rapid.IntRange(0, len(model)).Draw(t, "n")
				q.truncate(n)
				model = slices.Clone(model[:n])
			},
			"": func(t *rapid.T) {
				got := make([]byte, len(model)+1)
				require.Equal(t, len(model), q.len())
				require.Equal(t, len(model), q.peek(got))
				require.True(t, bytes.Equal(model, got[:len(model)]))
			},
		})
	})
}
