package models

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGroupsLimitWhatTheirProcessesMayHave(t *testing.T) {
	for _, c := range []struct {
		name, own     string
		files         map[string]string
		memory, tasks int64
	}{
		{name: "no groups"},
		{
			name: "a group without limits", own: "0::/a\n",
			files: map[string]string{"a/memory.max": "max\n", "a/memory.current": "7\n", "a/pids.max": "max\n"},
		},
		{
			name: "the group around it is smaller", own: "0::/a/b\n",
			files: map[string]string{
				"a/memory.max": "1000\n", "a/memory.current": "900\n", "a/memory.stat": "anon 1\ninactive_file 300\n",
				"a/b/memory.max": "5000\n", "a/b/memory.current": "100\n", "a/b/pids.max": "50\n", "a/b/pids.current": "20\n",
			},
			memory: 400, tasks: 30,
		},
		{
			name: "a container, whose path is the host's", own: "0::/docker/1a2b\n",
			files:  map[string]string{"memory.max": "1000\n", "memory.current": "200\n"},
			memory: 800,
		},
		{
			name: "version 1", own: "4:memory:/c\n8:pids:/\n0::/\n",
			files: map[string]string{
				"memory/c/memory.limit_in_bytes": "1000\n", "memory/c/memory.usage_in_bytes": "600\n", "memory/c/memory.stat": "total_inactive_file 100\n",
				"pids/pids.max": "10\n", "pids/pids.current": "10\n",
			},
			memory: 500, tasks: 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range c.files {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
			}
			memory, tasks := roomInGroups(root, c.own)
			require.Equal(t, []int64{c.memory, c.tasks}, []int64{memory, tasks})
		})
	}
}
