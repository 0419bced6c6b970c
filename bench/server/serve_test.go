package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// waiting is a backend that is ready at once and does nothing.
var waiting = backend.Backend{Name: "waiting", Serve: func(ctx context.Context, c backend.Config) error {
	c.Ready("192.0.2.1:7")
	<-ctx.Done()
	return nil
}}

func TestServeAnswersCommandsUntilItsControlEnds(t *testing.T) {
	control, commands := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Serve(t.Context(), waiting, backend.Config{Addr: "127.0.0.1:0"}, control, out) }()

	lines := bufio.NewReader(answers)
	ask := func(command string) string {
		if command != "" {
			_, err := io.WriteString(commands, command+"\n")
			require.NoError(t, err)
		}
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		return line
	}
	require.Equal(t, "listening on 192.0.2.1:7\n", ask(""))
	var stats Stats
	require.NoError(t, json.Unmarshal([]byte(ask(commandStats)), &stats))
	require.Positive(t, stats.LiveBytes)
	require.Positive(t, stats.Mallocs)
	require.Positive(t, stats.Goroutines)
	require.Positive(t, stats.Threads)
	require.Contains(t, ask(commandUsage), `"voluntary_switches"`)
	require.NoError(t, commands.Close())
	require.NoError(t, <-ended)
}

func TestServeWithoutControlEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, waiting, backend.Config{Addr: "127.0.0.1:0"}, nil, out) }()
	line, err := bufio.NewReader(answers).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "listening on 192.0.2.1:7\n", line)
	cancel()
	require.NoError(t, <-ended)
}

func TestServeTellsAFailedStartFromALaterFailure(t *testing.T) {
	broken := errors.New("broken")
	before := backend.Backend{Serve: func(context.Context, backend.Config) error { return broken }}
	after := backend.Backend{Serve: func(_ context.Context, c backend.Config) error {
		c.Ready("192.0.2.1:7")
		return broken
	}}
	var start *StartError
	err := Serve(t.Context(), before, backend.Config{Addr: "127.0.0.1:0"}, nil, io.Discard)
	require.ErrorAs(t, err, &start)
	require.ErrorIs(t, err, broken)
	err = Serve(t.Context(), after, backend.Config{Addr: "127.0.0.1:0"}, nil, io.Discard)
	require.False(t, errors.As(err, &start))
	require.ErrorIs(t, err, broken)
}

func TestServeRefusesAnAddressThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	var start *StartError
	err = Serve(t.Context(), waiting, backend.Config{Addr: taken.Addr().String()}, nil, io.Discard)
	require.ErrorAs(t, err, &start)
	require.ErrorContains(t, err, "in use")
}
