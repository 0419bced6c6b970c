package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, main) }

func TestJobsGiveTheSameInEveryKind(t *testing.T) {
	dir := t.TempDir()
	var want strings.Builder
	for i := range 10 {
		path := filepath.Join(dir, fmt.Sprint("file", i))
		text := []byte(strings.Repeat(fmt.Sprint(i), i*1000))
		require.NoError(t, os.WriteFile(path, text, 0o600))
		fmt.Fprintf(&want, "%x %s\n", sha256.Sum256(text), path)
	}
	var picture []byte
	for _, kind := range []string{"goroutines", "threads", "processes"} {
		out, err := child.Command("-kind", kind, "-work", "hashes", "-dir", dir).Output()
		require.NoError(t, err, kind)
		require.Equal(t, want.String(), string(out), kind)
		out, err = child.Command("-kind", kind, "-size", "80", "-workers", "3").Output()
		require.NoError(t, err, kind)
		require.True(t, strings.HasPrefix(string(out), "P5\n80 80\n255\n"), kind)
		if picture == nil {
			picture = out
		}
		require.Equal(t, picture, out, kind)
	}
}
