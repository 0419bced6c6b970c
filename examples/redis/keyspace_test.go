package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// check is the heap's invariant: nobody ends before the item above it, each knows
// its place, and exactly those with an end are in it.
func (k *keyspace) check(t require.TestingT) {
	limited := 0
	for key, i := range k.items {
		require.Equal(t, key, i.key)
		if i.expires != never {
			limited++
			require.Same(t, i, k.expiring[i.place-1], "%s is not at its place", key)
		} else {
			require.Zero(t, i.place, "%s has no end, and a place", key)
		}
	}
	require.Len(t, k.expiring, limited)
	for n, i := range k.expiring {
		require.Equal(t, n+1, i.place)
		if n > 0 {
			require.LessOrEqual(t, k.expiring[(n-1)/2].expires, i.expires)
		}
	}
}

// The keyspace against a plain map of values and ends.
func TestKeyspaceIsAMapWithEnds(t *testing.T) {
	type entry struct {
		value string
		end   moment
	}
	// The clock goes on during the test, which is not to matter: times are whole hours,
	// and ends are half an hour off.
	const hour = moment(time.Hour / time.Millisecond)
	rapid.Check(t, func(t *rapid.T) {
		k := newKeyspace()
		now := k.clock.epoch
		model := map[string]entry{}
		keys := rapid.Map(rapid.IntRange(0, 20), func(n int) string { return fmt.Sprint("key", n) })
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { k.check(t) },
			"set": func(t *rapid.T) {
				key, value := keys.Draw(t, "key"), rapid.StringN(0, 300, 300).Draw(t, "value")
				i := k.set(k.get([]byte(key)), []byte(key), []byte(value))
				require.LessOrEqual(t, cap(i.value), max(4*len(value), smallValue)+64, "more memory than a value needs")
				model[key] = entry{value, model[key].end}
			},
			"expire": func(t *rapid.T) {
				key, end := keys.Draw(t, "key"), now+moment(rapid.IntRange(1, 40).Draw(t, "hours"))*hour-hour/2
				if i := k.get([]byte(key)); i != nil {
					k.expireAt(i, end)
					model[key] = entry{model[key].value, end}
				}
			},
			"persist": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				if i := k.get([]byte(key)); i != nil {
					require.Equal(t, model[key].end != never, k.persist(i))
					model[key] = entry{model[key].value, never}
				}
			},
			"remove": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				if i := k.get([]byte(key)); i != nil {
					k.remove(i)
				}
				delete(model, key)
			},
			"time passes": func(t *rapid.T) {
				now += moment(rapid.IntRange(0, 20).Draw(t, "hours")) * hour
				k.clock.began = time.Now()
				k.clock.epoch = now
				if rapid.Bool().Draw(t, "active") {
					k.expire(rapid.IntRange(0, 3).Draw(t, "most"))
				}
				for key, e := range model {
					if e.end != never && e.end < now {
						delete(model, key)
					}
				}
			},
			"get": func(t *rapid.T) {
				for n := range 21 {
					key := fmt.Sprint("key", n)
					i := k.get([]byte(key))
					e, there := model[key]
					require.Equal(t, there, i != nil, key)
					if there {
						require.Equal(t, e, entry{string(i.value), i.expires}, key)
					}
				}
			},
		})
	})
}

// matchesSlowly is what a pattern means, in the plainest way.
func matchesSlowly(pattern []byte, s string) bool {
	if len(pattern) == 0 {
		return s == ""
	}
	if pattern[0] == '*' {
		return matchesSlowly(pattern[1:], s) || s != "" && matchesSlowly(pattern, s[1:])
	}
	if s == "" {
		return false
	}
	next, ok := matchByte(pattern, 0, s[0])
	return ok && matchesSlowly(pattern[next:], s[1:])
}

func TestPatternsMean(t *testing.T) {
	for pattern, cases := range map[string]map[string]bool{
		"h?llo":     {"hello": true, "hallo": true, "hllo": false, "heello": false},
		"h*llo":     {"hllo": true, "heeeello": true, "hell": false},
		"h[ae]llo":  {"hello": true, "hallo": true, "hillo": false},
		"h[^e]llo":  {"hallo": true, "hello": false},
		"h[a-b]llo": {"hallo": true, "hbllo": true, "hcllo": false},
		"h[b-a]llo": {"hallo": true},
		`h\*llo`:    {"h*llo": true, "hello": false},
		`[\]]`:      {"]": true, `\`: false},
		"[]":        {"": false, "]": false},
		"[a":        {"a": true, "b": false},
		`a\`:        {`a\`: true},
		"*":         {"": true, "anything": true},
		"":          {"": true, "a": false},
	} {
		for s, want := range cases {
			require.Equal(t, want, matches([]byte(pattern), s), "%q matches %q", pattern, s)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		pattern := []byte(rapid.StringMatching(`([ab*?]|\[\^?[a-c]{0,3}(-c)?\]?|\\[ab*])*`).Draw(t, "pattern"))
		s := rapid.StringMatching(`[abc\]*-]{0,12}`).Draw(t, "s")
		require.Equal(t, matchesSlowly(pattern, s), matches(pattern, s))
	})
}
