package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandLineIsRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	absent := filepath.Join(t.TempDir(), "absent", "out.json")

	for _, c := range []struct{ args, text string }{
		{"--backends=nope", `unknown backend "nope"; there are: `},
		{"--backends=net,net", "net is given twice"},
		{"--backends=", "no backend given"},
		{"--conns=0", "--conns: 0 is not positive"},
		{"--conns=-5", "--conns: -5 is not positive"},
		{"--conns=10,10", "10 is given twice"},
		{"--conns=many", "--conns"},
		{"--conns=10000000", "10000000 connections are more than"},
		{"--depth=0", "--depth: 0 is not positive"},
		{"--size=-1", "--size: -1 is not positive"},
		{"--depth=1000 --size=1000000", "bytes per batch"},
		{"--rounds=0", "--rounds: 0 is not positive"},
		{"--duration=0s", "--duration: 0s is not positive"},
		{"--duration=1", "--duration"},
		{"--warmup=-1s", "--warmup: -1s is not positive"},
		{"--loops=0", "--loops: 0 is not between 1 and"},
		{"--layout=sideways", `unknown layout "sideways"`},
		{"--seed=-1", "--seed"},
		{"--json=" + absent, "--json: "},
		{"--nope", "unknown flag --nope"},
		{"frobnicate", "frobnicate"},
		{"--scenario=nope", `unknown scenario "nope"; there are: echo, idle`},
		{"--scenario=echo,echo", "echo is given twice"},
		{"--profile=huge", `unknown profile "huge"`},
		{"--rate=0", "--rate: 0 is not positive"},
		{"--active=-1", "--active: -1 is not zero or more"},
		{"--aa=nope", `--aa: unknown backend "nope"`},
		{"--backends=net --scenario=echo --conns=5,5", "5 is given twice"},
		{"--backends=coro-readable --scenario=http", "nothing can be measured: http: not by coro-readable"},
		{"idle --rounds=0", "--rounds: 0 is not positive"},
		{"idle --conns=2", "2 connections cannot be opened in 3 steps"},
		{"idle --conns=10000000", "would fit"},
		{"idle --backends=nope", "unknown backend"},
		{"idle --duration=-1s", "--duration: -1s is not positive"},
		{"serve", "missing flags"},
		{"serve --backend=nope --addr=127.0.0.1:0", `unknown backend "nope"`},
		{"serve --backend=net --addr=127.0.0.1", "missing port"},
		{"serve --backend=net --addr=127.0.0.1:99999", "port"},
		{"serve --backend=net --addr=127.0.0.1:0 --loops=-1", "--loops: -1 is not between 1 and"},
		{"serve --backend=net --addr=203.0.113.1:0", "assign"},
	} {
		t.Run(c.args, func(t *testing.T) {
			requireRefused(t, finish(t, command(t, strings.Fields(c.args)...)), c.text)
		})
	}
}

func TestDescriptorLimitIsToldBeforeAnythingStarts(t *testing.T) {
	const limit = 350
	for _, sub := range []string{"", "idle"} {
		bench := command(t, strings.Fields(sub+" --conns=251")...)
		limited := command(t)
		limited.Path = "/bin/sh"
		limited.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, limit), "sh"}, bench.Args...)
		requireRefused(t, finish(t, limited),
			"--conns: 251 connections are more than the limit of 350 descriptors allows; 250 would fit")
	}
}

func TestHelpNamesTheBackends(t *testing.T) {
	o := finish(t, command(t, "--help"))
	require.Equal(t, exitOK, o.status)
	require.Contains(t, o.stdout, "floor: a bare epoll loop")
	require.Empty(t, o.stderr)
}
