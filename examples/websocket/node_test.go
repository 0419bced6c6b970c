package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// node runs a script of testdata with npm's ws, which is not in this tree. The
// test is skipped where one of them is missing.
func node(t *testing.T, script string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node (apt-get install nodejs npm)")
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	modules := filepath.Join(cache, "weft", "npm", "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "ws")); err != nil {
		t.Skipf("no ws in %s (npm install --prefix %s ws@8.23.0)", modules, filepath.Dir(modules))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // a client that hangs ends as a failure
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{filepath.Join("testdata", script)}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s said: %s", script, out)
	require.Empty(t, string(out))
}

func TestNodeIsEchoed(t *testing.T) {
	addr, _ := child.Start(t)
	node(t, "echo.js", "ws://"+addr+"/echo")
	echoes(t, addr)
}

func TestNodeIsInTheRoom(t *testing.T) {
	addr, _ := child.Start(t)
	node(t, "room.js", "ws://"+addr+"/room")
	echoes(t, addr)
}

func TestNodeAnswersPings(t *testing.T) {
	cmd := child.Command("-addr", "127.0.0.1:0", "-ping", "10ms")
	addr := startCommand(t, cmd)
	node(t, "pings.js", "ws://"+addr+"/echo")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait())
}
