package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roomLoad is a room of n with one sender.
func roomLoad(server string, n int, rate float64) Spec {
	sender := Group{Name: "sender", Role: Sender, Conns: 1, Size: 16, Depth: 1, Rate: rate}
	if rate > 0 {
		sender.Arrivals = Fixed
	}
	return Spec{Server: server, Seed: 3, Groups: []Group{
		sender, {Name: "listeners", Role: Listener, Conns: n - 1, Size: 1, Depth: 1},
	}}
}

func TestRoomIsHeardByAll(t *testing.T) {
	for name, rate := range map[string]float64{"closed": 0, "open": 500} {
		t.Run(name, func(t *testing.T) {
			r := new(roomServer)
			e := dialed(t, roomLoad(listen(t, r.handle), 8, rate))
			require.NoError(t, e.Touch(t.Context()))
			for range 2 {
				groups := ran(t, e, 50*time.Millisecond)
				said, heard := groups[0], groups[1]
				require.Positive(t, said.Received)
				require.Equal(t, 7*said.Received, heard.Received)
				require.Equal(t, heard.Planned, heard.Received)
				require.EqualValues(t, said.Received, times(t, said.Latency))
				require.EqualValues(t, said.Received, times(t, said.Skew))
				require.EqualValues(t, heard.Received, times(t, heard.Latency))
				require.Equal(t, rate > 0, said.SendLag != "")
				for _, n := range heard.PerConn {
					require.Equal(t, said.Received, n)
				}
			}
		})
	}
}

func TestRoomWaitsForMembersThatTheServerHasNotAcceptedYet(t *testing.T) {
	let := make(chan struct{}, 100)
	r := &roomServer{admit: func() { <-let }}
	for range 3 {
		let <- struct{}{}
	}
	e := dialed(t, roomLoad(listen(t, r.handle), 6, 0))
	// The other three come in while the sender is speaking already.
	timer := time.AfterFunc(3*probeEvery, func() {
		for range 3 {
			let <- struct{}{}
		}
	})
	defer timer.Stop()
	require.NoError(t, e.Touch(t.Context()))
	require.Equal(t, 6, e.room.members)
	groups := ran(t, e, 20*time.Millisecond)
	require.Equal(t, 5*groups[0].Received, groups[1].Received)
}

func TestRoomGrowsInSteps(t *testing.T) {
	r := new(roomServer)
	e := engine(t, roomLoad(listen(t, r.handle), 9, 0))
	for _, n := range []int{1, 4, 9} {
		_, err := e.Dial(t.Context(), n)
		require.NoError(t, err)
		require.NoError(t, e.Touch(t.Context()))
		require.Equal(t, n, e.room.members)
	}
	ran(t, e, 10*time.Millisecond)
}

func TestRoomDetectsAMemberThatHears(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(p []byte) []byte
		want  error
	}{
		{"something else", func(p []byte) []byte { p[0] ^= 1; return p }, ErrWrongByte},
		{"it twice", func(p []byte) []byte { return append(p, p...) }, ErrSurplus},
	} {
		t.Run(c.name, func(t *testing.T) {
			spoiled := false
			r := &roomServer{}
			e := dialed(t, roomLoad(listen(t, r.handle), 4, 0))
			require.NoError(t, e.Touch(t.Context()))
			r.mu.Lock()
			r.spoil = func(member int, p []byte) []byte {
				if member == 2 && !spoiled {
					spoiled = true
					return c.spoil(p)
				}
				return p
			}
			r.mu.Unlock()
			_, err := e.Run(t.Context(), time.Hour)
			require.Error(t, err)
			require.True(t, isOneOf(err, c.want, ErrWrongByte, ErrSurplus), "%v", err)
		})
	}
}

func TestRoomNamesHowManyHearNothing(t *testing.T) {
	done := make(chan struct{})
	first := make(chan struct{}, 1)
	first <- struct{}{}
	r := &roomServer{admit: func() {
		select {
		case <-first:
		case <-done:
		}
	}}
	e := dialed(t, roomLoad(listen(t, r.handle), 3, 0))
	defer close(done)
	e.stallLimit = shortLimit
	err := e.Touch(t.Context())
	require.ErrorIs(t, err, ErrStalled)
}
