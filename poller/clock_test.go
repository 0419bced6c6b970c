package poller

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCeilMillisRoundsUp(t *testing.T) {
	for d, want := range map[time.Duration]int{
		-1 << 63: -1, -1: -1, 0: 0, 1: 1, time.Millisecond - 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2,
		(1<<31 - 1) * time.Millisecond: 1<<31 - 1, (1<<31-1)*time.Millisecond + 1: 1<<31 - 1, 1<<63 - 1: 1<<31 - 1,
	} {
		require.Equal(t, want, ceilMillis(d), "ceilMillis(%d ns)", d)
	}
}

func TestCeilMillisIsNeverEarlyAndNeverAMillisecondLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64().Draw(t, "nanoseconds"))
		if rapid.Bool().Draw(t, "small") {
			d %= 10 * time.Second
		}
		got := ceilMillis(d)
		if d < 0 {
			require.Equal(t, -1, got, "ceilMillis(%d ns)", d)
			return
		}
		// Exactly, with numbers that cannot overflow.
		want := new(big.Int).Add(big.NewInt(int64(d)), big.NewInt(999_999))
		want.Div(want, big.NewInt(1_000_000))
		if want.Cmp(big.NewInt(1<<31-1)) > 0 {
			want.SetInt64(1<<31 - 1)
		}
		require.EqualValues(t, want.Int64(), got, "ceilMillis(%d ns)", d)
	})
}
