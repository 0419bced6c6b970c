package change

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/result"
)

func TestChangesOfModelsAreProvedByTheirValues(t *testing.T) {
	line := func(model, quantity string, workers int, values ...float64) result.Model {
		return result.Model{Model: model, Quantity: quantity, Workers: workers, Unit: "us", Value: values[len(values)/2], Values: values}
	}
	before := result.File{Models: []result.Model{
		line("task", "create", 0, 1, 1.1, 1.2, 1.3, 1.4, 1.5),
		line("thread", "create", 0, 30, 31, 32, 33, 34, 35),
		line("task", "job/io/elapsed", 2, 5, 6, 7),
		line("task", "gone", 0, 1),
		{Model: "task", Quantity: "fit/memory", Value: 7},
	}}
	after := result.File{Models: []result.Model{
		line("thread", "create", 0, 31, 30, 33, 32, 35, 34),
		line("task", "create", 0, 0.1, 0.11, 0.12, 0.13, 0.14, 0.15),
		line("task", "job/io/elapsed", 2, 1, 2, 3),
		line("task", "job/io/elapsed", 4, 1, 2, 3),
		{Model: "task", Quantity: "fit/memory", Value: 8},
	}}
	all := Of(before, after)
	require.Len(t, all, 3, "what both have, and has values")
	faster := find(t, all, "task", "create")
	require.True(t, faster.Real())
	require.True(t, faster.Improved())
	require.InDelta(t, 0.1, faster.Factor, 0.01)
	require.False(t, find(t, all, "thread", "create").Real())
	few := find(t, all, "task", "job/io/elapsed")
	require.False(t, few.Enough)
	require.Equal(t, map[string]float64{"workers": 2}, few.Point.Axes)
}

func TestDigitsShowThreeOfTheSmallerFigure(t *testing.T) {
	require.Equal(t, 4, digits(0.0686, 3))
	require.Equal(t, 0, digits(4000, 0))
	require.Equal(t, 0, digits(0, 0))
}
