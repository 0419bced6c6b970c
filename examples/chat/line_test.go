package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzReadLine compares readLine with splitting the whole input at once.
func FuzzReadLine(f *testing.F) {
	f.Add([]byte("one\r\ntwo\n\nlast"))
	f.Add([]byte("bad \xff\ngood\n"))
	f.Add([]byte(strings.Repeat("x", maxLine+1) + "\ny\n" + strings.Repeat("x", 3*maxLine)))
	f.Add([]byte(strings.Repeat("x", maxLine) + "\r\n" + strings.Repeat("x", maxLine+1) + "\r\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		lines := bufio.NewReaderSize(iotest.HalfReader(bytes.NewReader(input)), maxLine+len("\r\n"))
		want := bytes.SplitAfter(input, []byte("\n"))
		if len(want[len(want)-1]) == 0 {
			want = want[:len(want)-1]
		}
		for i, w := range want {
			w = bytes.TrimSuffix(bytes.TrimSuffix(w, []byte("\n")), []byte("\r"))
			bad := len(w) > maxLine || !utf8.Valid(w) || bytes.ContainsFunc(w, isControl)
			got, err := readLine(lines)
			if bad {
				var refused refusal
				require.True(t, errors.As(err, &refused), "line %d, %.40q: got %.40q, %v, want a refusal", i, w, got, err)
				continue
			}
			require.NoError(t, err, "line %d, %.40q", i, w)
			require.Equal(t, string(w), got, "line %d", i)
		}
		_, err := readLine(lines)
		require.Equal(t, io.EOF, err, "after the last line")
	})
}
