package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/load"
)

// loadOf runs the command load against a server.
func loadOf(t *testing.T, addr, args string) *exec.Cmd {
	t.Helper()
	return command(t, append([]string{"load", "--addr=" + addr, "--duration=50ms", "--warmup=10ms", "--seed=7"}, strings.Fields(args)...)...)
}

// limited runs a command with a limit on its descriptors.
func limited(t *testing.T, cmd *exec.Cmd, descriptors int) *exec.Cmd {
	t.Helper()
	l := command(t)
	l.Path = "/bin/sh"
	l.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, descriptors), "sh"}, cmd.Args...)
	return l
}

func TestLoadPrintsWhatItMeasured(t *testing.T) {
	s := serve(t, "net", "--addr=127.0.0.1:0")
	for _, c := range []struct{ args, text string }{
		{"--conns=20 --depth=3", "echo: 20 x echo"},
		{"--conns=4 --rate=400", "paced: 4 x paced"},
		{"--conns=4 --rate=400 --arrivals=poisson --spin=60us", "send lag"},
		{"--role=churn --conns=2", "connect"},
		{"--role=idle --conns=3", "0 messages planned, 0 sent, 0 received"},
		{"--role=mute", "mute: 1 x mute"},
		{"--role=trickle --conns=2", "trickle: 2 x trickle"},
		{"--role=room --conns=1", "sender: 1 x sender"},
	} {
		t.Run(c.args, func(t *testing.T) {
			o := finish(t, loadOf(t, s.addr, c.args))
			require.Equal(t, exitOK, o.status, "%+v", o)
			require.Empty(t, o.stderr)
			require.Contains(t, o.stdout, c.text)
			require.Contains(t, o.stdout, "server "+s.addr)
			require.Contains(t, o.stdout, "seed 7")
		})
	}
}

func TestLoadWritesWhatItMeasured(t *testing.T) {
	s := serve(t, "net", "--addr=127.0.0.1:0")
	dir := t.TempDir()
	spec, out := filepath.Join(dir, "spec.json"), filepath.Join(dir, "out.json")
	require.NoError(t, os.WriteFile(spec, []byte(`{"server":"127.0.0.1:1","seed":3,"groups":[
		{"name":"light","role":"echo","connections":5,"size_bytes":16,"depth":1},
		{"name":"hogs","role":"echo","connections":2,"size_bytes":512,"depth":8}]}`), 0o600))
	o := finish(t, loadOf(t, s.addr, "--spec="+spec+" --json="+out))
	require.Equal(t, exitOK, o.status, "%+v", o)
	var r loadReport
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	require.Equal(t, s.addr, r.Spec.Server, "--addr is stronger")
	require.EqualValues(t, 3, r.Spec.Seed)
	require.Equal(t, 7, r.Dialed.Conns)
	require.Len(t, r.Outcome.Groups, 2)
	require.Zero(t, r.Outcome.Groups[1].Received%8, "batches are whole")
	for _, m := range r.Outcome.Groups {
		require.Positive(t, m.Received)
		require.NotEmpty(t, m.Latency)
	}
}

func TestLoadIsRefused(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := nobody.Addr().String()
	require.NoError(t, nobody.Close())
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	require.NoError(t, os.WriteFile(bad, []byte(`{"server":"127.0.0.1:1","rate":5}`), 0o600))
	for _, c := range []struct{ addr, args, text string }{
		{closed, "", "refused"},
		{closed, "--conns=300", "300 of 300 connections failed"},
		{"", "", "no server given"},
		{"127.0.0.1", "", "missing port"},
		{"127.0.0.1:0", "", "is not an IP address and a port"},
		{"nobody.invalid:7", "", "nobody.invalid"},
		{closed, "--conns=0", "0 connections"},
		{closed, "--size=-1", "want 1 to"},
		{closed, "--rate=-5", "rate -5"},
		{closed, "--role=idle --rate=5", "rate 5 with role idle"},
		{closed, "--role=sleeper", "--role"},
		{closed, "--arrivals=never", "--arrivals"},
		{closed, "--duration=0s", "--duration: 0s is not positive"},
		{closed, "--warmup=-1s", "--warmup: -1s is negative"},
		{closed, "--connect-rate=-1", "negative connect rate"},
		{closed, "--spec=" + filepath.Join(dir, "absent"), "--spec: "},
		{closed, "--spec=" + bad, `unknown field "rate"`},
		{closed, "--json=" + filepath.Join(dir, "absent", "out.json"), "--json: "},
		{"192.0.2.1:7", "--conns=70000", "there are ports for"},
		{closed, "--conns=100000000", "too few "},
	} {
		t.Run(c.addr+" "+c.args, func(t *testing.T) {
			requireRefused(t, finish(t, loadOf(t, c.addr, c.args)), c.text)
		})
	}
}

func TestLoadOfABadServerIsOneLine(t *testing.T) {
	for name, text := range map[string]string{
		"corrupts": "wrong byte echoed: connection ",
		"hangs-up": "connection closed by the server: connection ",
		"dies":     "connection closed by the server: connection ",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, name, "--addr=127.0.0.1:0")
			out := filepath.Join(t.TempDir(), "out.json")
			requireRefused(t, finish(t, loadOf(t, s.addr, "--conns=3 --json="+out)), text)
			left, err := os.ReadDir(filepath.Dir(out))
			require.NoError(t, err)
			require.Empty(t, left, "no half a file is left")
		})
	}
}

func TestLoadUsesSeveralProcessesWhereOneHasTooFewDescriptors(t *testing.T) {
	s := serve(t, "net", "--addr=127.0.0.1:0")
	o := finish(t, limited(t, loadOf(t, s.addr, "--conns=50"), 120))
	require.Equal(t, exitOK, o.status, "%+v", o)
	require.Contains(t, o.stdout, "50 connections in 3 processes")

	requireRefused(t, finish(t, limited(t, loadOf(t, s.addr, "--conns=2000"), 120)), "too few descriptors: 2000 connections need 100 processes")
	requireRefused(t, finish(t, limited(t, loadOf(t, s.addr, "--conns=1"), 50)), "too few descriptors")
	requireRefused(t, finish(t, limited(t, loadOf(t, s.addr, "--role=room --conns=50"), 120)), "a room has to fit into one process")
}

func TestLoadTellsThatTheDiskIsFull(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("there is no ", full)
	}
	s := serve(t, "net", "--addr=127.0.0.1:0")
	requireRefused(t, finish(t, loadOf(t, s.addr, "--json="+full)), "no space left on device")
	info, err := os.Stat(full)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeCharDevice, "it is still what it was")
}

func TestLoadFlagsMakeARoom(t *testing.T) {
	c := loadCommand{Role: "room", Conns: 10, Size: 16, Depth: 2, Rate: 5, Arrivals: load.Fixed}
	groups := c.groups()
	require.Equal(t, load.Group{Name: "sender", Role: load.Sender, Conns: 1, Size: 16, Depth: 2, Rate: 5, Arrivals: load.Fixed}, groups[0])
	require.Equal(t, load.Group{Name: "listener", Role: load.Listener, Conns: 9, Size: 16, Depth: 2}, groups[1])
	require.NoError(t, load.Spec{Server: "127.0.0.1:1", Groups: groups}.Check())
}
