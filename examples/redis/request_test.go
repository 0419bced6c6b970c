package main

import (
	"bytes"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// parseAll feeds a parser with pieces of the lengths in cuts, over and over, and
// returns every request, and the error that ended it.
func parseAll(t require.TestingT, data, cuts []byte) (requests [][]string, failed error) {
	p := parser{maxBulk: leastMaxBulk}
	for turn := 0; ; turn++ {
		for {
			words, err := p.next()
			if err != nil {
				return requests, err
			}
			if words == nil {
				break
			}
			if len(words) == 0 {
				require.Fail(t, "a request without a name")
			}
			var request []string
			for _, w := range words {
				request = append(request, string(w))
			}
			requests = append(requests, request)
		}
		if len(data) == 0 {
			return requests, nil
		}
		size := len(data)
		if len(cuts) > 0 {
			size = int(cuts[turn%len(cuts)]) + 1
		}
		room := p.room()
		n := copy(room, data[:min(size, len(data))])
		p.filled(n)
		data = data[n:]
		if len(room) < readRoom || p.at > len(p.buf) {
			require.Fail(t, "no place", "room for %d bytes, at %d of %d", len(room), p.at, len(p.buf))
		}
	}
}

// FuzzCommand: however the bytes are cut, the same requests come out, and the same
// error.
//
//	go test -fuzz FuzzCommand ./examples/redis
func FuzzCommand(f *testing.F) {
	for _, e := range protocolErrors {
		if len(e.sent) < 1000 { // the fuzzer copies them around
			f.Add([]byte(request("GET", "a")+e.sent), []byte{0})
		}
	}
	for _, s := range []string{
		request("SET", "key", "value", "EX", "10") + "GET key\r\n" + request("DEL", "a", "b", "c"),
		"set \"a\\x41\\n\\t\\\\\\\"\" 'it\\'s' plain\"quoted\"\n\r\n \t\n*0\r\n*-1\r\nPING\r\n",
		"*2\r\n$0\r\n\r\n$3\r\nabcxxPING\n",
		"*1\r\n$1024\r\n" + strings.Repeat("x", 1024) + "\r\n*1\r\n$1025\r\n",
	} {
		f.Add([]byte(s), []byte{0})
		f.Add([]byte(s), []byte{2, 7, 0, 30})
	}
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		whole, wholeError := parseAll(t, data, nil)
		pieces, piecesError := parseAll(t, data, cuts)
		require.Equal(t, whole, pieces, "requests, in one piece and in pieces")
		require.Equal(t, wholeError, piecesError, "the error, in one piece and in pieces")
	})
}

// What is written as RESP is read as it was.
func TestParserReadsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) string { return string(b) })
		want := rapid.SliceOfN(rapid.SliceOfN(word, 1, 12), 1, 20).Draw(t, "requests")
		var stream strings.Builder
		for _, words := range want {
			stream.WriteString(request(words...))
		}
		got, err := parseAll(t, []byte(stream.String()), rapid.SliceOfN(rapid.Byte(), 1, 10).Draw(t, "cuts"))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// A request is not looked at from its beginning each time something arrives.
func TestParserGoesOnWhereItWas(t *testing.T) {
	p := parser{maxBulk: defaultMaxBulk}
	const arguments = 100_000
	stream := []byte(request(strings.Split(strings.Repeat("a ", arguments-1)+"a", " ")...))
	for i, b := range stream {
		p.room()[0] = b
		p.filled(1)
		at := p.at
		words, err := p.next()
		parsed, last := p.at-at, i == len(stream)-1
		if err != nil || parsed > len("*100000\r\n") || last != (words != nil) {
			require.Fail(t, "one byte more", "byte %d: %d bytes parsed, %d words, %v", i, parsed, len(words), err)
		}
	}
	p.room()
	require.LessOrEqual(t, cap(p.buf), keptBytes, "kept of a large request")
	require.LessOrEqual(t, cap(p.args)+cap(p.words), 2*keptArguments)
}

// The last request must not keep the buffer in which it was.
func TestParserGivesALargeBufferBack(t *testing.T) {
	p := parser{maxBulk: defaultMaxBulk}
	for stream := request("SET", "key", strings.Repeat("v", 1<<20)); stream != ""; {
		n := copy(p.room(), stream)
		p.filled(n)
		stream = stream[n:]
		words, err := p.next()
		require.NoError(t, err)
		require.Equal(t, stream == "", words != nil)
	}
	collected := make(chan struct{})
	runtime.AddCleanup(&p.buf[:1][0], func(c chan struct{}) { close(c) }, collected)
	p.room()
	limit := time.After(stuck)
	for done := false; !done; {
		runtime.GC()
		select {
		case <-collected:
			done = true
		case <-limit:
			require.Fail(t, "the buffer is still held")
		case <-time.After(time.Millisecond): // the cleanup has a goroutine of its own
		}
	}
	runtime.KeepAlive(&p)
}

func TestParserLimitsDoNotDependOnPieces(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("x", maxInline) + "\n", strings.Repeat("x", maxInline+1) + "\n",
		"*" + strings.Repeat("0", maxInline-1) + "\r\n", "*" + strings.Repeat("0", maxInline) + "\r\n",
	} {
		whole, wholeError := parseAll(t, []byte(text), nil)
		pieces, piecesError := parseAll(t, []byte(text), []byte{99, 3})
		require.Equal(t, whole, pieces)
		require.Equal(t, wholeError, piecesError)
	}
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		``:                           nil,
		"  \t ":                      nil,
		`a bc  d`:                    {"a", "bc", "d"},
		`"a b" 'c d' ""`:             {"a b", "c d", ""},
		`"\x41\x4g\n\r\t\b\a\q\\\""`: {"Ax4g\n\r\t\b\aq\\\""},
		`'a\'b\n' a"b c"`:            {`a'b\n`, "ab c"},
		"a\r":                        {"a"},
	} {
		words, ok := splitWords(nil, []byte(line))
		require.True(t, ok, line)
		require.Len(t, words, len(want), line)
		for i := range want {
			require.Equal(t, want[i], string(words[i]), line)
		}
	}
	for _, line := range []string{`"`, `'`, `"a`, `"a\"`, `'a\'`, `"a"b`, `'a'"b"`, `a"`} {
		_, ok := splitWords(nil, []byte(line))
		require.False(t, ok, line)
	}
}

// strconv reads what parseInt reads, and more forms of the same numbers.
func TestParseIntIsStrict(t *testing.T) {
	texts := rapid.OneOf(
		rapid.StringMatching(`[-+ ]?[0-9]{0,20}`),
		rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.SampledFrom([]string{"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "-0", "", "-"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		want, err := strconv.ParseInt(text, 10, 64)
		valid := err == nil && strconv.FormatInt(want, 10) == text
		got, ok := parseInt([]byte(text))
		require.Equal(t, valid, ok, "%q", text)
		if ok {
			require.Equal(t, want, got)
		}
	})
	_, ok := parseInt(bytes.Repeat([]byte("9"), math.MaxInt16))
	require.False(t, ok)
}
