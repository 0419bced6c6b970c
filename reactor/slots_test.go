package reactor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/poller"
)

func TestSlotsResolveNoStaleToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table slots
		live := map[poller.Token]*Source{}
		given := map[poller.Token]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				require.Equal(t, len(live), table.used)
				for token := range given {
					require.Same(t, live[token], table.find(token), "source of token %v", token)
				}
			},
			"reserve": func(t *rapid.T) {
				s := &Source{}
				s.token = table.reserve(s)
				require.False(t, given[s.token], "token %v is given out a second time", s.token)
				given[s.token], live[s.token] = true, s
			},
			"release": func(t *rapid.T) {
				for token := range live {
					table.release(token)
					delete(live, token)
					return
				}
			},
			"find what was never given": func(t *rapid.T) {
				token := poller.Token(rapid.Uint64().Draw(t, "token"))
				if !given[token] {
					require.Nil(t, table.find(token), "source of token %v", token)
				}
			},
		})
	})
}
