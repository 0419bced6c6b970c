package pin

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListIsTheKernels(t *testing.T) {
	require.Equal(t, []int{0, 64}, parseList("0,64"))
	require.Equal(t, []int{2, 3, 8}, parseList("2-3,8"))
	require.Empty(t, parseList(""))
}
