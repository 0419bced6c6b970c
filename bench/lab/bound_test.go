package lab

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
)

func TestGeneratorIsTheBoundWhereOnlyItIsBusy(t *testing.T) {
	closed := load.Outcome{Groups: []load.Measured{{Group: "connections"}}}
	open := load.Outcome{Groups: []load.Measured{{Group: "connections", SendLag: "HIST"}}}
	busy := func(generator, server float64) scenario.Figures {
		return scenario.Figures{result.GeneratorBusy: generator, result.ServerBusy: server}
	}
	require.True(t, generatorBound(closed, busy(0.99, 0.66), 1, 1))
	require.False(t, generatorBound(closed, busy(0.95, 0.99), 1, 1), "both are")
	require.False(t, generatorBound(closed, busy(0.50, 0.60), 1, 1), "neither is")
	require.False(t, generatorBound(open, busy(0.99, 0.66), 1, 1), "it spins")
	require.False(t, generatorBound(closed, busy(0.99, 0.66), 2, 2), "it has two processors")
	require.True(t, generatorBound(closed, busy(0.99, 1.5), 1, 2), "the server has two")
	require.False(t, generatorBound(closed, scenario.Figures{result.GeneratorBusy: 1}, 1, 1), "nobody tells")
}

func TestProcessorsAreNoMoreThanThreads(t *testing.T) {
	require.Equal(t, 1, processorsOf(1, []int{0, 1}))
	require.Equal(t, 2, processorsOf(8, []int{0, 1}))
	require.Equal(t, 1, processorsOf(8, []int{1}))
	require.Equal(t, 1, processorsOf(1, nil))
}
